"""Computes norms of gradients."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

# Number of elements up to which float64 costs less than the condition that avoids it.
_SMALL = 2**15


class Norms(NamedTuple):
    """The norms of gradients.

    Attributes:
        total: Global norm: scalar float64, finite if all gradients are.
        each: Norm of each gradient: `(gradients,)` float64, 0 for None. Infinite where
            squares overflow float32, beyond values of about 1e19.
    """

    total: tf.Tensor
    each: tf.Tensor


def gradient_norms(gradients: Sequence[Any]) -> Norms:
    """Computes the global norm of gradients, and the norm of each.

    Args:
        gradients: Tensors, `IndexedSlices` such as those of embeddings, or None.
    """
    places = [n for n, each in enumerate(gradients) if each is not None]
    present = [_values(gradients[place]) for place in places]
    if not present:
        zero = tf.zeros((), tf.float64)
        return Norms(zero, tf.zeros(len(gradients), tf.float64))
    if _are_small(present):
        present = _in_float64(present)
    halves = _half_squares(present)
    norm = _norm_from_half_squares(halves)
    return Norms(
        _without_overflow(norm, present),
        _norms_in_order(halves, present, places, len(gradients)),
    )


def gradient_norm(gradients: Sequence[Any]) -> tf.Tensor:
    """Returns the total of `gradient_norms`: scalar float64."""
    return gradient_norms(gradients).total


def _half_squares(tensors: list[tf.Tensor]) -> dict[tf.DType, tf.Tensor]:
    """Computes half the squared norm of each tensor: a float64 vector per dtype."""
    halves: dict[tf.DType, list[tf.Tensor]] = {}
    for each in tensors:
        halves.setdefault(each.dtype, []).append(tf.nn.l2_loss(each))
    return {dtype: tf.cast(tf.stack(h), tf.float64) for dtype, h in halves.items()}


def _norm_from_half_squares(halves: dict[tf.DType, tf.Tensor]) -> tf.Tensor:
    return tf.sqrt(2.0 * tf.add_n([tf.reduce_sum(each) for each in halves.values()]))


def _without_overflow(norm: tf.Tensor, tensors: list[tf.Tensor]) -> tf.Tensor:
    """Computes a norm again in float64 if squares of float32 overflow, beyond 1e19."""
    if all(each.dtype == tf.float64 for each in tensors):
        return norm

    def precise() -> tf.Tensor:
        return _norm_from_half_squares(_half_squares(_in_float64(tensors)))

    return tf.cond(tf.math.is_finite(norm), lambda: norm, precise)


def _are_small(tensors: list[tf.Tensor]) -> bool:
    sizes = [each.shape.num_elements() for each in tensors]
    return None not in sizes and sum(sizes) <= _SMALL


def _in_float64(tensors: list[tf.Tensor]) -> list[tf.Tensor]:
    return [tf.cast(each, tf.float64) for each in tensors]


def _norms_in_order(
    halves: dict[tf.DType, tf.Tensor],
    present: list[tf.Tensor],
    places: list[int],
    count: int,
) -> tf.Tensor:
    """Computes the norm of each gradient, in the order of the gradients."""
    order = [
        place
        for dtype in halves
        for place, each in zip(places, present, strict=True)
        if each.dtype == dtype
    ]
    lengths = tf.sqrt(2.0 * tf.concat(list(halves.values()), 0))
    if order == list(range(count)):
        return lengths
    return tf.scatter_nd([[place] for place in order], lengths, [count])


def _values(gradient: Any) -> tf.Tensor:
    """Returns the values of a gradient; sums rows with the same index.

    Casts half precision to float32, since the square of 256 overflows float16.
    """
    values = gradient
    if isinstance(gradient, tf.IndexedSlices):
        indices, places = tf.unique(gradient.indices)
        values = tf.math.unsorted_segment_sum(gradient.values, places, tf.size(indices))
    return values if values.dtype.size >= 4 else tf.cast(values, tf.float32)
