"""A pass that writes nothing, and structures that are flattened into tensors."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import examples
from keraunos.models import FunctionModule
from keraunos.strategies import SharedSlices
from keraunos.trainer.step.detached_pass import DetachedPass, Packing
from keraunos.trainer.step.keras_internals import attached, build_compiled
from keraunos.trainer.step.replica_pass import ReplicaPass


class Counter(keras.layers.Layer):
    """Counts its calls, in a branch or not."""

    def __init__(self, in_branch: bool) -> None:
        super().__init__()
        self._in_branch = in_branch

    def build(self, shape: Any) -> None:
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, inputs: Any) -> Any:
        if self._in_branch:
            tf.cond(tf.reduce_sum(inputs) > 0, self._count, lambda: tf.constant(0))
        else:
            self._count()
        return inputs

    def _count(self) -> tf.Tensor:
        self.calls.assign(self.calls + 1)
        return tf.constant(0)


def detached(in_branch: bool = False) -> tuple[keras.Model, DetachedPass]:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((5,)),
            Counter(in_branch),
            layers.Dense(4, kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(3, "softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    specs = tf.TensorSpec((None, 5)), tf.TensorSpec((None,), tf.int32), None
    build_compiled(model, specs)
    replica_pass = ReplicaPass(model, FunctionModule(lambda: model), 1)
    return model, DetachedPass(replica_pass, model)


def batch() -> tuple[Any, Any, Any]:
    x, y, _ = examples(7)
    return tf.constant(x), tf.constant(y), None


def test_detached_pass_returns_updates_instead_of_writing_them() -> None:
    model, run = detached()
    before = [np.array(each.numpy()) for each in model.variables]
    result, updates = run(batch(), tf.constant(1))
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    assert all(each is not None for some in result.gradients.values() for each in some)
    assert {each.name.rstrip("_0123456789") for each in run.written} == {
        "variable",
        "moving_mean",
        "moving_variance",
    }
    run.write(updates)
    assert float(model.layers[0].calls) == 1
    assert not np.array_equal(model.layers[2].moving_mean, np.zeros(4))


def test_variable_written_in_a_branch_is_refused() -> None:
    _, run = detached(in_branch=True)
    function = tf.function(lambda: run(batch(), tf.constant(1)), autograph=False)
    with pytest.raises(ValueError, match=r"writes its variable '.*' in a branch"):
        function()


def test_packing_restores_masks_logits_and_slice_types() -> None:
    output = keras.activations.softmax(keras.ops.ones((2, 3)))
    output._keras_mask = tf.constant([True, False])
    rows = SharedSlices(tf.ones((2, 4)), tf.constant([1, 0]), tf.constant([5, 4]))
    structure = {"outputs": (output, None), "gradients": [rows, tf.constant(2.0)]}
    packing = Packing(structure)
    others = [tf.identity(each) for each in packing.tensors]
    again = packing.unpack(others)
    assert again["outputs"][1] is None
    mask, logits = attached(again["outputs"][0])
    assert list(mask.numpy()) == [True, False]
    np.testing.assert_array_equal(logits, np.ones((2, 3)))
    assert type(again["gradients"][0]) is SharedSlices
    np.testing.assert_array_equal(again["gradients"][0].indices, [1, 0])
    assert len(others) == 3 + 3 + 1
