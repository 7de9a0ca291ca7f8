"""Geometry of augmented images: affine maps, and the resampling that applies them.

Maps are `(rows, 6)` float64 coefficients `a0, a1, a2, b0, b1, b2`: the output pixel at
`(x, y)` is the input pixel at `(a0 x + a1 y + a2, b0 x + b1 y + b2)`.
"""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

Doubles = npt.NDArray[np.float64]

_SHIFT_PIXELS = (1 - np.sqrt(1 / 3)) / 2  # the optimum, about 0.21
# The causal recursive filter c[n] = (f[n] - shift c[n-1]) / (1 - shift), whose response is
# below 3e-5 after eight pixels.
_TAPS = 8
_POWERS = (_SHIFT_PIXELS / (_SHIFT_PIXELS - 1)) ** np.arange(_TAPS - 1, -1, -1)
_KERNEL = (_POWERS / _POWERS.sum()).astype(np.float32)


def rotated_and_scaled(
    angle: Doubles, scale: Doubles, shift: Doubles, size: int
) -> Doubles:
    """Returns maps that rotate and scale about the center, then shift.

    Args:
        angle: `(rows,)` in radians.
        scale: `(rows, 2)` factors along x and y.
        shift: `(rows, 2)` pixels along x and y.
        size: Height and width of the images in pixels.
    """
    cosine, sine = np.cos(angle), np.sin(angle)
    across = cosine * scale[:, 0], -sine * scale[:, 1]
    down = sine * scale[:, 0], cosine * scale[:, 1]
    return linear_about_center(across, down, shift, size)


def linear_about_center(
    across: tuple[Doubles, Doubles],
    down: tuple[Doubles, Doubles],
    shift: Doubles,
    size: int,
) -> Doubles:
    """Returns maps that are linear about the center, then shift.

    Args:
        across: The coefficients a0 and a1, `(rows,)` each.
        down: The coefficients b0 and b1, `(rows,)` each.
        shift: `(rows, 2)` pixels along x and y.
        size: Height and width of the images in pixels.
    """
    centre = (size - 1) / 2
    (a0, a1), (b0, b1) = across, down
    a2 = centre - a0 * centre - a1 * centre + shift[:, 0]
    b2 = centre - b0 * centre - b1 * centre + shift[:, 1]
    return np.stack([a0, a1, a2, b0, b1, b2], axis=1)


def composed(first: Doubles, second: Doubles) -> Doubles:
    """Returns the map that applies `first` to images, then `second`."""
    a, b = first.reshape(-1, 2, 3), second.reshape(-1, 2, 3)
    linear = a[:, :, :2] @ b[:, :, :2]
    shift = a[:, :, :2] @ b[:, :, 2:] + a[:, :, 2:]
    return np.concatenate([linear, shift], axis=2).reshape(-1, 6)


def sides(area: Doubles, uniform: Doubles, narrowest: float) -> tuple[Doubles, Doubles]:
    """Returns widths and heights of rectangles, as fractions of those of the image.

    Args:
        area: `(rows,)` fractions of the area of the image, above 0.
        uniform: `(rows,)` random numbers in [0, 1) for the ratio of width to height, which
            is log-uniform within the limits and the image.
        narrowest: The smallest ratio; its inverse is the largest.
    """
    widest = np.log(np.minimum(1 / narrowest, 1 / area))
    ratio = np.exp((2 * uniform - 1) * widest)
    return np.sqrt(area * ratio), np.sqrt(area / ratio)


def resample(images: tf.Tensor, maps: tf.Tensor) -> tf.Tensor:
    """Resamples images by shifted linear interpolation, with a reflected border.

    Plain bilinear interpolation blurs: a rotated photograph of 224 pixels loses a quarter
    of the energy of its gradients, so that a network would train on softer images than it
    is tested on. Sampling a prefiltered image at shifted positions preserves it, at the
    cost of bilinear interpolation and a short filter (Blu, Thévenaz and Unser, "Linear
    interpolation revitalized", IEEE Transactions on Image Processing, 2004).

    Args:
        images: `(rows, height, width, 3)` float32 in [0, 255].
        maps: `(rows, 6)` float32.

    Returns:
        Images of the same shape, dtype and range.
    """
    shift = tf.constant([0, 0, _SHIFT_PIXELS, 0, 0, _SHIFT_PIXELS], maps.dtype)
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=_prefilter(_prefilter(images, axis=1), axis=2),
        transforms=tf.pad(maps - shift, [[0, 0], [0, 2]]),  # projective: 8 coefficients
        output_shape=tf.shape(images)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )
    moved.set_shape(images.shape)  # XLA needs a static shape
    return tf.clip_by_value(moved, 0.0, 255.0)


def _prefilter(images: tf.Tensor, axis: int) -> tf.Tensor:
    """Filters along an axis so that interpolation at shifted pixels returns the pixels."""
    before = tf.repeat(tf.gather(images, [0], axis=axis), _TAPS - 1, axis=axis)
    kernel = _KERNEL[:, None] if axis == 1 else _KERNEL[None, :]
    kernel = np.repeat(kernel[:, :, None, None], 3, axis=2)
    padded = tf.concat([before, images], axis)
    return tf.nn.depthwise_conv2d(padded, kernel, [1, 1, 1, 1], "VALID")
