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
        A float64 scalar. It is finite only if all gradients are; beyond 1e19, where
        squares of float32 overflow, it is infinite.
    """
    present = [_values(each) for each in gradients if each is not None]
    if not present:
        return tf.zeros((), tf.float64)
    halves: dict[tf.DType, list[tf.Tensor]] = {}
    for each in present:
        halves.setdefault(each.dtype, []).append(tf.nn.l2_loss(each))
    sums = [tf.reduce_sum(tf.cast(tf.stack(h), tf.float64)) for h in halves.values()]
    return tf.sqrt(2.0 * tf.add_n(sums))


def _values(gradient: Any) -> tf.Tensor:
    """What stands in a gradient; rows of the same index added up.

    Half precision becomes single: the square of 256 is no number of float16.
    """
    values = gradient
    if isinstance(gradient, tf.IndexedSlices):
        indices, places = tf.unique(gradient.indices)
        values = tf.math.unsorted_segment_sum(gradient.values, places, tf.size(indices))
    return values if values.dtype.size >= 4 else tf.cast(values, tf.float32)
