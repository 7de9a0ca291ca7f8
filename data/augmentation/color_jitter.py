"""Color jitter as a change of the light source: each channel is scaled by a factor."""

import tensorflow as tf

from .geometry import Doubles
from .random_numbers import Key, Stream


def draw_gains(amount: float, key: Key) -> Doubles:
    """Draws a factor for each channel of each image.

    This is the diagonal model of von Kries. Color constancy methods such as shades of gray
    (Finlayson and Trezzi, 2004) use it to remove the color of the light source from
    dermoscopic images (Barata, Celebi and Marques, 2015); here it adds another, as in
    Galdran et al. (2017, "Data-driven color augmentation techniques for deep skin image
    analysis"). Unlike a rotation of the hue, it keeps the ratios of colors within an image,
    which distinguish lesions from skin. The factors have a geometric mean of 1, because
    `strength` changes the brightness.

    Args:
        amount: In [0, 1]. Before normalization, factors are log-uniform between
            `1 + amount` and its inverse.
        key: Key of the draw.

    Returns:
        `(rows, 3)` factors above 0.
    """
    powers = 2 * key.uniforms(3, Stream.COLOR_JITTER) - 1
    return (1 + amount) ** (powers - powers.mean(axis=1, keepdims=True))


def scale_channels(images: tf.Tensor, gains: tf.Tensor) -> tf.Tensor:
    """Scales channels of `(rows, height, width, 3)` by `(rows, 3)`, clipped to [0, 255]."""
    return tf.clip_by_value(images * gains[:, None, None, :], 0.0, 255.0)
