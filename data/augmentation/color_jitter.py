"""Color jitter as a change of the lamp: each channel scaled by a factor."""

import tensorflow as tf

from .geometry import Doubles
from .random_numbers import Key, Stream


def draw_gains(amount: float, key: Key) -> Doubles:
    """Draws a lamp for each image: a factor for each channel.

    The diagonal model of von Kries, by which methods of color constancy such as shades of
    gray (Finlayson and Trezzi, 2004) take a lamp's color out of dermoscopic images
    (Barata, Celebi and Marques, 2015), used to put other lamps in, as Galdran et al. (2017,
    "Data-driven color augmentation techniques for deep skin image analysis") do. Unlike a
    rotation of hue, it keeps the ratios of colors within an image, which tell lesions
    from skin. Factors have a geometric mean of 1: brightness is left to `strength`.

    Args:
        amount: In [0, 1]. Before the mean is taken out, factors are between `1 + amount`
            and its inverse, spread evenly in their logarithm.
        key: What decides the draw.

    Returns:
        `(rows, 3)`, above 0.
    """
    powers = 2 * key.uniforms(3, Stream.COLOR_JITTER) - 1
    return (1 + amount) ** (powers - powers.mean(axis=1, keepdims=True))


def scale_channels(images: tf.Tensor, gains: tf.Tensor) -> tf.Tensor:
    """Scales channels, `(rows, height, width, 3)` by `(rows, 3)`, within [0, 255]."""
    return tf.clip_by_value(images * gains[:, None, None, :], 0.0, 255.0)
