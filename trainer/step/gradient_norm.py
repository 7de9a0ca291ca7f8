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
        A float64 scalar.
    """
    present = [_values(each) for each in gradients if each is not None]
    halves = [tf.cast(tf.nn.l2_loss(each), tf.float64) for each in present]
    return tf.sqrt(2.0 * tf.add_n(halves)) if halves else tf.zeros((), tf.float64)


def _values(gradient: Any) -> tf.Tensor:
    """What stands in a gradient; rows of the same index added up."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    indices, places = tf.unique(gradient.indices)
    return tf.math.unsorted_segment_sum(gradient.values, places, tf.size(indices))
