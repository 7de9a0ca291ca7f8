"""Applies drawn augmentations to images, on the training device."""

from collections.abc import Mapping

import tensorflow as tf

from . import tonal_operations
from .color_jitter import scale_channels
from .geometry import resample
from .random_erasing import erase


def augment(images: tf.Tensor, drawn: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Applies the augmentations drawn by `Augmentation.draw`.

    Args:
        images: `(rows, height, width, 3)` float32 in [0, 255].
        drawn: Arrays of `Augmentation.draw` with one row per image; others are ignored.

    Returns:
        Images of the same shape, dtype and range.
    """
    if "geometry" in drawn:
        images = resample(images, drawn["geometry"])
    if "rand_augment" in drawn:
        images = tonal_operations.apply(images, drawn["rand_augment"])
    if "tone" in drawn:
        images = _adjust_tone(images, drawn["tone"])
    if "color_jitter" in drawn:
        images = scale_channels(images, drawn["color_jitter"])
    if "random_erasing" in drawn:
        images = erase(images, drawn["random_erasing"])
    return images


def _adjust_tone(images: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
    """Changes the contrast around the mean, then the brightness."""
    contrast = parameters[:, 0, None, None, None]
    brightness = parameters[:, 1, None, None, None]
    mean = tf.reduce_mean(images, axis=[1, 2], keepdims=True)
    # In this form, a contrast of 1 and brightness of 0 return `images` exactly.
    toned = images * contrast + (mean * (1 - contrast) + brightness)
    return tf.clip_by_value(toned, 0.0, 255.0)
