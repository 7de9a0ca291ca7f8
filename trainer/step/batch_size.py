"""Checks the batch size of models with a fixed one, as stateful recurrent layers need."""

from typing import Any

import keras
import tensorflow as tf

from ...core.errors import ConfigError, DataError, message
from .keras_internals import model_inputs

_RULE = (
    "A model whose inputs fix the batch size, as stateful layers require, must train on "
    "batches of that size on one replica."
)
_REMEDY = (
    "Use Trainer(devices=1) and .batch({size}, drop_remainder=True), or leave the batch "
    "size out of the model's inputs."
)


def check_batch_size(model: keras.Model, rows: int | None, num_replicas: int) -> None:
    """Rejects a model whose fixed batch size differs from that of its replicas.

    Args:
        model: Any model; most accept all batch sizes.
        rows: Rows of each batch, or None if unknown.
        num_replicas: Number of replicas that share each batch.

    Raises:
        ConfigError: The model fixes the batch size, and replicas get another.
    """
    fixed = _fixed_batch_size(model)
    if fixed is None or (num_replicas == 1 and rows in (None, fixed)):
        return
    received = {"batch_size_of_model": fixed, "replicas": num_replicas}
    if rows is not None:
        received["batch_size_of_data"] = rows
    raise ConfigError(message(_RULE, _REMEDY.format(size=fixed), **received))


def with_checked_batch_size(model: keras.Model, inputs: Any) -> Any:
    """Adds a check of the batch size to inputs; in replica context, while tracing.

    Returns:
        The inputs, which depend on the check.

    Raises:
        DataError: Raised by the traced function for a smaller last batch.
    """
    fixed = _fixed_batch_size(model)
    if fixed is None:
        return inputs
    context = tf.distribute.get_replica_context()
    check_batch_size(model, None, context.num_replicas_in_sync)
    words = message(_RULE, _REMEDY.format(size=fixed), batch_size_of_model=fixed)
    rows = tf.shape(tf.nest.flatten(inputs)[0])[0]
    right = tf.debugging.assert_equal(rows, fixed, f"{DataError.__name__}: {words}")
    with tf.control_dependencies([right] if right is not None else []):
        return tf.nest.map_structure(tf.identity, inputs)


def _fixed_batch_size(model: keras.Model) -> int | None:
    shapes = [each.shape for each in model_inputs(model)]
    return shapes[0][0] if shapes and shapes[0] else None
