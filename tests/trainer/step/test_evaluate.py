"""Models that are run over data without training."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from helpers import examples
from keraunos.trainer.loop.evaluation import predict
from keraunos.trainer.setup.datasets import DatasetSource


class Doubling(keras.layers.Layer):
    """Counts how often it is traced."""

    traced = 0

    def call(self, inputs: Any) -> Any:
        self.traced += 1
        return 2 * inputs


def test_predict_traces_a_model_once_for_all_batch_sizes() -> None:
    layer = Doubling()
    model = keras.Sequential([keras.Input((5,)), layer])
    layer.traced = 0
    for count in (11, 6, 3):
        inputs, _, _ = examples(count, seed=count)
        found = predict(
            model, DatasetSource(tf.data.Dataset.from_tensor_slices(inputs).batch(4))
        )
        np.testing.assert_array_equal(found, 2 * inputs)
    assert layer.traced == 1
