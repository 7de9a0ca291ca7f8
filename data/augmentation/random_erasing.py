"""Random erasing: a rectangle of the image is filled."""

import numpy as np
import tensorflow as tf

from .geometry import Doubles, sides
from .random_numbers import Key, Stream

SMALLEST, LARGEST = 0.02, 0.4  # fractions of the area
NARROWEST = 0.3  # ratio of width to height


def draw_rectangles(probability: float, key: Key, size: int) -> Doubles:
    """Draws the rectangle to erase from each image.

    "Random Erasing Data Augmentation" (Zhong, Zheng, Kang, Li and Yang, 2017), with the
    paper's areas and ratios. The paper draws again until a rectangle fits; here, ratios are
    limited to those that fit.

    Args:
        probability: Probability that an image loses a rectangle.
        key: Key of the draw.
        size: Height and width of the images in pixels.

    Returns:
        `(rows, 4)`: left, top, right and bottom edge in pixels; all 0 if nothing is erased.
    """
    draw = key.uniforms(5, Stream.RANDOM_ERASING)
    area = SMALLEST + (LARGEST - SMALLEST) * draw[:, 1]
    extent = np.stack(sides(area, draw[:, 2], NARROWEST), axis=1)
    start = draw[:, 3:] * (1 - extent)
    edges = np.hstack([start, start + extent]) * size
    return np.where(draw[:, :1] < probability, edges, 0.0)


def erase(images: tf.Tensor, rectangles: tf.Tensor) -> tf.Tensor:
    """Fills rectangles with the image's mean color.

    Args:
        images: `(rows, height, width, 3)` float32.
        rectangles: `(rows, 4)` float32, as drawn; a pixel is inside if its center is.
    """
    height, width = tf.unstack(tf.shape(images)[1:3])
    left, top, right, bottom = tf.unstack(rectangles[:, :, None], axis=1)
    across, down = _is_between(width, left, right), _is_between(height, top, bottom)
    inside = (down[:, :, None] & across[:, None, :])[..., None]
    return tf.where(inside, tf.reduce_mean(images, axis=[1, 2], keepdims=True), images)


def _is_between(count: tf.Tensor, first: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
    """Returns whether each pixel's center is between two edges, `(rows, count)`."""
    centres = tf.range(tf.cast(count, tf.float32)) + 0.5
    return (centres >= first) & (centres < last)
