"""Bilinear resizing with antialiasing, in integer arithmetic like Pillow's."""

from typing import Any

import tensorflow as tf

_BITS = 22  # of a weight's fraction
_ONE = 1 << _BITS
_SWAPPED = (1, 0, 2)  # rows for columns


def resize(image: Any, width: Any, height: Any, size: int) -> Any:
    """Resizes an image to a square.

    Args:
        image: The image, `(height, width, 3)` uint8.
        width: The used part of its width, float64: a scaled JPEG may end within a pixel.
        height: The used part of its height, float64.
        size: Height and width of the result.

    Returns:
        The resized image, `(size, size, 3)` uint8, equal to Pillow's.
    """
    pixels = tf.cast(image, tf.int32)
    rows, columns, _ = tf.unstack(tf.shape(pixels))
    # Results of the first pass are rounded to 8 bits, so that the order matters.
    is_high = (rows > size) & (rows - size > 2 * (columns - size))
    resized = tf.cond(
        is_high,
        lambda: _resize_columns(_resize_rows(pixels, height, size), width, size),
        lambda: _resize_rows(_resize_columns(pixels, width, size), height, size),
    )
    return tf.cast(tf.ensure_shape(resized, (size, size, 3)), tf.uint8)


def _resize_columns(pixels: Any, used: Any, size: int) -> Any:
    columns = tf.transpose(pixels, _SWAPPED)
    return tf.transpose(_resize_rows(columns, used, size), _SWAPPED)


def _resize_rows(pixels: Any, used: Any, size: int) -> Any:
    """Computes each new row as a weighted sum of neighboring rows, rounded to 8 bits."""
    count, width, channels = tf.unstack(tf.shape(pixels))
    first, weights = _weights(tf.cast(count, tf.float64), used, size)

    def add(tap: Any, total: Any) -> tuple[Any, Any]:
        neighbors = tf.gather(pixels, tf.minimum(first + tap, count - 1))
        added = neighbors * weights[:, tap, tf.newaxis, tf.newaxis]
        return tap + 1, tf.ensure_shape(total + added, (size, None, 3))

    _, total = tf.while_loop(
        lambda tap, _: tap < tf.shape(weights)[1],
        add,
        (tf.constant(0), tf.fill((size, width, channels), _ONE >> 1)),
        shape_invariants=(tf.TensorShape(()), tf.TensorShape((size, None, 3))),
    )
    return tf.clip_by_value(tf.bitwise.right_shift(total, _BITS), 0, 255)


def _weights(length: Any, used: Any, size: int) -> tuple[Any, Any]:
    """Computes the first neighbor of each new row, and the weights of its neighbors.

    Returns:
        First neighbors, `(size,)` int32, and weights, `(size, taps)` int32.
    """
    scale = used / size
    support = tf.maximum(scale, 1.0)
    center = (tf.range(size, dtype=tf.float64) + 0.5) * scale
    first = tf.floor(tf.maximum(center - support + 0.5, 0.0))
    end = tf.minimum(tf.floor(center + support + 0.5), length)
    taps = tf.range(tf.cast(tf.math.ceil(support), tf.int32) * 2 + 1)
    place = first[:, None] + tf.cast(taps, tf.float64)
    offsets = (place - center[:, None] + 0.5) * (1.0 / support)
    triangle = tf.maximum(1.0 - tf.abs(offsets), 0.0)
    triangle = tf.where(place < end[:, None], triangle, 0.0)
    normal = triangle / tf.reduce_sum(triangle, axis=1, keepdims=True)
    return tf.cast(first, tf.int32), tf.cast(tf.floor(0.5 + normal * _ONE), tf.int32)
