"""How large gradients are."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf


class Norms(NamedTuple):
    """How large gradients are.

    Attributes:
        total: The length of all of them as one vector; float64, finite if all are.
        each: Their lengths, one for each; float64, 0 where there is no gradient. Squares
            of float32 overflow beyond 1e19: it is infinite there.
    """

    total: tf.Tensor
    each: tf.Tensor


def gradient_norms(gradients: Sequence[Any]) -> Norms:
    """The global norm of gradients, and that of each.

    Args:
        gradients: Tensors, or `IndexedSlices` as embeddings have them; None counts for
            nothing.
    """
    places = [n for n, each in enumerate(gradients) if each is not None]
    present = [_values(gradients[place]) for place in places]
    if not present:
        zero = tf.zeros((), tf.float64)
        return Norms(zero, tf.zeros(len(gradients), tf.float64))
    halves = _half_squares(present)
    norm = _length(halves)
    # Squares of float32 overflow beyond 1e19; only then is it worth computing again.
    total = tf.cond(tf.math.is_finite(norm), lambda: norm, lambda: _precise_length(present))
    return Norms(total, _scattered(halves, present, places, len(gradients)))


def gradient_norm(gradients: Sequence[Any]) -> tf.Tensor:
    """The total of `gradient_norms`: a float64 scalar."""
    return gradient_norms(gradients).total


def _half_squares(tensors: list[tf.Tensor]) -> dict[tf.DType, tf.Tensor]:
    """Half the square of the length of each, those of a dtype in one float64 vector."""
    halves: dict[tf.DType, list[tf.Tensor]] = {}
    for each in tensors:
        halves.setdefault(each.dtype, []).append(tf.nn.l2_loss(each))
    return {dtype: tf.cast(tf.stack(h), tf.float64) for dtype, h in halves.items()}


def _length(halves: dict[tf.DType, tf.Tensor]) -> tf.Tensor:
    return tf.sqrt(2.0 * tf.add_n([tf.reduce_sum(each) for each in halves.values()]))


def _precise_length(tensors: list[tf.Tensor]) -> tf.Tensor:
    return _length(_half_squares([tf.cast(each, tf.float64) for each in tensors]))


def _scattered(
    halves: dict[tf.DType, tf.Tensor],
    present: list[tf.Tensor],
    places: list[int],
    count: int,
) -> tf.Tensor:
    """The length of each gradient, at its place."""
    order = [
        [place]
        for dtype in halves
        for place, each in zip(places, present, strict=True)
        if each.dtype == dtype
    ]
    lengths = tf.sqrt(2.0 * tf.concat(list(halves.values()), 0))
    return tf.scatter_nd(order, lengths, [count])


def _values(gradient: Any) -> tf.Tensor:
    """What stands in a gradient; rows of the same index added up.

    Half precision becomes single: the square of 256 is not a number of float16.
    """
    values = gradient
    if isinstance(gradient, tf.IndexedSlices):
        indices, places = tf.unique(gradient.indices)
        values = tf.math.unsorted_segment_sum(gradient.values, places, tf.size(indices))
    return values if values.dtype.size >= 4 else tf.cast(values, tf.float32)
