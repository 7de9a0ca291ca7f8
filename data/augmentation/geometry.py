"""Geometry of augmented images: one affine resampling."""

import numpy as np
import numpy.typing as npt
import tensorflow as tf


def affine_coefficients(
    angle: npt.NDArray[np.float64],
    scale: npt.NDArray[np.float64],
    shift: npt.NDArray[np.float64],
    centre: float,
) -> npt.NDArray[np.float64]:
    """Coefficients of: turn and scale about the centre, then shift."""
    cosine, sine = np.cos(angle), np.sin(angle)
    a0, a1 = cosine * scale[:, 0], -sine * scale[:, 1]
    b0, b1 = sine * scale[:, 0], cosine * scale[:, 1]
    a2 = centre - a0 * centre - a1 * centre + shift[:, 0]
    b2 = centre - b0 * centre - b1 * centre + shift[:, 1]
    zero = np.zeros_like(angle)
    return np.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=1)


def resample(images: tf.Tensor, transforms: tf.Tensor) -> tf.Tensor:
    """Resamples images, bilinear, with the border mirrored.

    Args:
        images: `(rows, height, width, 3)` float32.
        transforms: `(rows, 8)` float32: coefficients of a projective transform from the
            output to the input.
    """
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=tf.shape(images)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )
