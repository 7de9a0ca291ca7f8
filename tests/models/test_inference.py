from typing import Any

import keras
import numpy as np
import tensorflow as tf
from helpers import replicas
from keraunos.models import FrozenPart
from keraunos.models.inference import infer, keep_parts, traced_forward


class Counted(keras.layers.Layer):
    """Counts how often it is called in Python, which is once per trace."""

    calls = 0

    def call(self, inputs: Any) -> Any:
        self.calls += 1
        return 2.0 * inputs


def parts() -> tuple[keras.Model, keras.Model, keras.Model, Counted]:
    """A model, its first part, the rest, and a layer of the first part."""
    inputs = keras.Input((3,))
    counted = Counted()
    features = keras.layers.Dense(4, trainable=False)(counted(inputs))
    dropped = keras.layers.Dropout(0.5)(features)
    outputs = keras.layers.Dense(2, "softmax")(dropped)
    first, rest = keras.Model(inputs, features), keras.Model(features, outputs)
    return keras.Model(inputs, outputs), first, rest, counted


def test_model_runs_as_two_parts_and_traces_the_first_once() -> None:
    model, first, rest, counted = parts()
    batches = [np.random.default_rng(n).normal(size=(n, 3)) for n in (5, 2)]
    batches = [tf.constant(batch, tf.float32) for batch in batches]
    expected = [model(batch, training=False) for batch in batches]
    counted.calls = 0
    for batch in batches:
        traced_forward(first)(batch)
    keep_parts(model, FrozenPart(first), rest)

    @tf.function
    def within(batch: tf.Tensor) -> tf.Tensor:
        outputs = infer(model, batch)
        assert hasattr(outputs, "_keras_logits")  # losses are computed from them
        return outputs

    for batch, outputs in zip(batches, expected, strict=True):
        for run in (lambda given: infer(model, given), within, traced_forward(model)):
            np.testing.assert_allclose(run(batch), outputs, rtol=1e-6)
    assert counted.calls == 1
    first.layers[-1].bias.assign_add(np.ones(4))  # is read again
    np.testing.assert_allclose(within(batches[0]), model(batches[0]), rtol=1e-6)


def test_model_without_parts_or_on_two_replicas_runs_directly() -> None:
    batch = tf.ones((1, 3))
    for count in (1, 2):
        with replicas(count).scope():
            model, first, rest, counted = parts()
        if count == 2:
            keep_parts(model, FrozenPart(first), rest)
        counted.calls = 0
        outputs = [infer(model, batch) for _ in range(2)]
        assert counted.calls == 2  # a trace would call it once
        np.testing.assert_array_equal(outputs[1], model(batch, training=False))
