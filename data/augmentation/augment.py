"""Applies what was drawn to images, on the training device."""

from collections.abc import Mapping

import tensorflow as tf

from .geometry import resample


def augment(images: tf.Tensor, drawn: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Applies what `Augmentation.draw` drew.

    Args:
        images: `(rows, height, width, 3)` float32 in [0, 255].
        drawn: Arrays of `Augmentation.draw` with a row an image; others are ignored.

    Returns:
        Images of the same shape, dtype and range.
    """
    if "augmentation" not in drawn:
        return images
    parameters = drawn["augmentation"]
    moved = resample(images, parameters[:, :8])
    contrast = parameters[:, 8, None, None, None]
    brightness = parameters[:, 9, None, None, None]
    mean = tf.reduce_mean(moved, axis=[1, 2], keepdims=True)
    # In this form exactly `moved` where nothing is to change.
    toned = moved * contrast + (mean * (1 - contrast) + brightness)
    return tf.clip_by_value(toned, 0.0, 255.0)
