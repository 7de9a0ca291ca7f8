"""Runs models in inference mode, traced only once for all data.

Tracing a large network takes seconds, and so does TensorFlow's optimization of the trace
after each change of its seed. A network is used for several data sets: for features of
several splits, a test, a check.
"""

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from ..strategies.tensorflow_internals import trace
from .module import FrozenPart
from .table_inputs import image_and_columns

# Stored in a model's `__dict__`, not as attributes, which Keras would track and save.
_FORWARD = "_traced_forward_of_keraunos"
_PARTS = "_parts_of_keraunos"


def traced_forward(model: keras.Model) -> Callable[[Any], Any]:
    """Returns a model as a `tf.function` that is traced once for all data."""

    def forward(inputs: Any) -> Any:
        traced, known = kept[_FORWARD]
        if not known:
            specs = tf.nest.map_structure(_of_any_size, inputs)
            known.append(traced.get_concrete_function(specs))
        # Within another function, TensorFlow would retrace it.
        return traced(inputs) if tf.executing_eagerly() else known[0](inputs)

    kept = vars(model)
    if _FORWARD not in kept:
        kept[_FORWARD] = trace(functools.partial(infer, model)), []
    return forward


def keep_parts(model: keras.Model, frozen: FrozenPart, rest: keras.Model) -> None:
    """Makes `infer` run a model on one replica as two consecutive parts of its graph.

    Args:
        model: The model.
        frozen: The larger part, from the first input; traced by `traced_forward`.
        rest: The part from the output of `frozen` and the other inputs to the outputs.
    """
    vars(model)[_PARTS] = frozen, rest


def parts_of(model: keras.Model) -> tuple[FrozenPart, keras.Model] | None:
    """Returns what `keep_parts` was given; None for other models."""
    return vars(model).get(_PARTS)


def infer(model: keras.Model, inputs: Any) -> Any:
    """Runs a model in inference mode, eagerly or while tracing."""
    parts = parts_of(model)
    if parts is None or model.distribute_strategy.num_replicas_in_sync > 1:
        return model(inputs, training=False)
    frozen, rest = parts
    image, columns = image_and_columns(model, inputs)
    features = traced_forward(frozen.model)(image)
    return rest([features, *columns] if columns else features, training=False)


def _of_any_size(tensor: Any) -> Any:
    """Returns the spec of a tensor with any number of rows; ragged tensors unchanged."""
    if not isinstance(tensor, tf.Tensor) or tensor.shape.rank in (None, 0):
        return tensor
    return tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype)
