"""`class_weight` means what it means in `Model.fit`, on any number of replicas."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from compiled_models import CASES, with_weighted_metrics
from helpers import largest_difference, replicas, weights_of
from keraunos import ConfigError, Trainer
from keraunos.trainer.setup.class_weight import weighted_by_class
from keraunos.trainer.setup.datasets import DatasetSource

WEIGHTS = {0: 1.0, 1: 3.0, 2: 0.25}


@pytest.mark.slow
def test_class_weight_equals_model_fit(float64: None) -> None:
    data = CASES["a loss by name"].dataset(21)
    keras.utils.set_random_seed(0)
    model = with_weighted_metrics()
    expected = model.fit(
        data, validation_data=data, epochs=2, verbose=0, class_weight=WEIGHTS
    ).history
    trainer = Trainer(strategy=replicas(2), max_epochs=2, callbacks=[])
    result = trainer.fit(
        with_weighted_metrics, data, validation_data=data, class_weight=WEIGHTS
    )
    for name, values in expected.items():
        np.testing.assert_allclose(result.history[name], values, rtol=1e-6, err_msg=name)
    assert largest_difference(weights_of(result.model), weights_of(model)) < 1e-6


@pytest.mark.parametrize(
    "targets",
    [
        np.array([2, 0, 1, 3]),
        np.array([[2.0], [0.0], [1.0], [3.0]]),
        np.eye(4)[[2, 0, 1, 3]],
        np.array([1.9, 0.1, 1.2, 3.0]),
    ],
    ids=["integers", "a column", "one-hot", "floats"],
)
def test_class_weight_applies_to_targets_of_every_shape_and_dtype(targets: Any) -> None:
    data = tf.data.Dataset.from_tensor_slices((np.zeros((4, 5)), targets)).batch(4)
    source = weighted_by_class(DatasetSource(data), {2: 0.5, 1: 4.0})
    _, _, weights = source.prepare(next(iter(data)))
    np.testing.assert_array_equal(weights, [0.5, 1.0, 4.0, 1.0])  # 1 where none is named


def test_class_weight_is_refused_for_other_tasks() -> None:
    source = DatasetSource(CASES["a loss by name"].dataset(3))
    for name, value in (("task", "multi_label"), ("names", ["a"]), ("class_names", "b")):
        setattr(source, name, value)
    source.target_values = np.ones((1, 1), "float32")  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match=r"one class each.*task='multi_label'"):
        weighted_by_class(source, WEIGHTS)


@pytest.mark.parametrize("wrong", [{"cat": 1.0}, {0: -1.0}, {0.5: 1.0}, [1.0, 2.0], {}])
def test_malformed_class_weights_are_refused(wrong: Any) -> None:
    source = DatasetSource(CASES["a loss by name"].dataset(3))
    with pytest.raises(ConfigError, match=r"class indices.*Write class_weight="):
        weighted_by_class(source, wrong)


@pytest.mark.parametrize(
    ("element", "words"),
    [
        ((tf.zeros((2, 5)), tf.zeros(2), tf.ones(2)), "already has weights"),
        ((tf.zeros((2, 5)), {"a": tf.zeros(2)}), "model with one output"),
        (tf.zeros((2, 5)), "model with one output"),
    ],
    ids=["weights", "two outputs", "no targets"],
)
def test_data_that_cannot_take_class_weights_is_refused(element: Any, words: str) -> None:
    data = tf.data.Dataset.from_tensors(element)
    with pytest.raises(ConfigError, match=words):
        weighted_by_class(DatasetSource(data), WEIGHTS).prepare(element)
