"""Runs models that don't train, large ones in a `tf.function` that is traced once.

Tracing a large network takes seconds, and so does what TensorFlow makes of the trace
after each change of its seed. One network sees many data: features of several splits, a
test, a check.
"""

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from ..strategies.tensorflow_internals import trace
from .table_inputs import image_and_columns

# Kept beside a model, not in attributes that Keras would track and save.
_FORWARD = "_traced_forward_of_keraunos"
_PARTS = "_parts_of_keraunos"


def traced_forward(model: keras.Model) -> Callable[[Any], Any]:
    """A model as a `tf.function`, which is traced once for all data that it sees."""

    def forward(inputs: Any) -> Any:
        traced, known = kept[_FORWARD]
        if not known:
            specs = tf.nest.map_structure(_of_any_size, inputs)
            known.append(traced.get_concrete_function(specs))
        # Within another function TensorFlow would trace it again.
        return traced(inputs) if tf.executing_eagerly() else known[0](inputs)

    kept = vars(model)
    if _FORWARD not in kept:
        kept[_FORWARD] = trace(functools.partial(infer, model)), []
    return forward


def keep_parts(model: keras.Model, first: keras.Model, rest: keras.Model) -> None:
    """Lets `infer` run a model as two consecutive parts of its graph.

    Args:
        model: On one replica.
        first: From its first input on; the larger part, traced by `traced_forward`.
        rest: From there, and from its other inputs, to its outputs.
    """
    vars(model)[_PARTS] = first, rest


def infer(model: keras.Model, inputs: Any) -> Any:
    """What a model returns without training, eagerly or while tracing."""
    parts = vars(model).get(_PARTS)
    if parts is None:
        return model(inputs, training=False)
    first, rest = parts
    image, columns = image_and_columns(model, inputs)
    features = traced_forward(first)(image)
    return rest([features, *columns] if columns else features, training=False)


def _of_any_size(tensor: Any) -> Any:
    """The type of a batch, whose last one is smaller; ragged ones stay as they are."""
    if not isinstance(tensor, tf.Tensor) or tensor.shape.rank in (None, 0):
        return tensor
    return tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype)
