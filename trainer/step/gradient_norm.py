"""How large a gradient is."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


def gradient_norm(gradients: Sequence[Any]) -> tf.Tensor:
    """The global norm of gradients: the length of all of them as one vector.

    Args:
        gradients: Tensors, or `IndexedSlices` as embeddings have them; None counts for
            nothing.

    Returns:
        A float64 scalar, finite if all gradients are.
    """
    present = [_values(each) for each in gradients if each is not None]
    if not present:
        return tf.zeros((), tf.float64)
    norm = _length(present)
    # Squares of float32 overflow beyond 1e19; only then is it worth computing again.
    return tf.cond(tf.math.is_finite(norm), lambda: norm, lambda: _precise_length(present))


def _length(tensors: list[tf.Tensor]) -> tf.Tensor:
    halves: dict[tf.DType, list[tf.Tensor]] = {}
    for each in tensors:
        halves.setdefault(each.dtype, []).append(tf.nn.l2_loss(each))
    sums = [tf.reduce_sum(tf.cast(tf.stack(h), tf.float64)) for h in halves.values()]
    return tf.sqrt(2.0 * tf.add_n(sums))


def _precise_length(tensors: list[tf.Tensor]) -> tf.Tensor:
    return _length([tf.cast(each, tf.float64) for each in tensors])


def _values(gradient: Any) -> tf.Tensor:
    """What stands in a gradient; rows of the same index added up.

    Half precision becomes single: the square of 256 is no number of float16.
    """
    values = gradient
    if isinstance(gradient, tf.IndexedSlices):
        indices, places = tf.unique(gradient.indices)
        values = tf.math.unsorted_segment_sum(gradient.values, places, tf.size(indices))
    return values if values.dtype.size >= 4 else tf.cast(values, tf.float32)
