"""Varies training images: one resampling for all of geometry, then the tone.

What happens to an image is drawn on the host from the seed, the image and the number
of its draw; applying it runs on the training device.
"""

from typing import Unpack

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ..configs import AugmentationConfig, validated
from ..configs.arguments import AUGMENTATION, takes_settings
from ..configs.options import AugmentationOptions

Floats = npt.NDArray[np.float32]

# To be raised when the same numbers give other images: cached features are of these.
AUGMENTATION_VERSION = 2

# What strength 1 allows; 0.5 gives the tutorial's flips, rotation and zoom.
MAX_ROTATION_RADIANS = 0.8 * np.pi
MAX_ZOOM = 0.4
MAX_SHIFT = 0.2
MAX_BRIGHTNESS = 0.3
MAX_CONTRAST = 0.6

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Augmentation:
    """How strongly training images are varied.

    Flips, rotation, zoom and shift are one affine resampling (bilinear, the border
    mirrored); then contrast and brightness change. All scale with `strength`.

    Args:
        strength: In [0, 1]. 0 leaves images exactly as they are. 0.5 flips half of
            them each way, turns by up to 72 degrees, zooms by up to 20 %, shifts by up
            to 10 %, and changes brightness by up to 15 % and contrast by up to 30 %.
        views: `"fresh"` draws anew whenever an image is drawn; a number N draws N
            versions of each image once and goes through them in turn.

    Raises:
        ConfigError: An argument is out of its range.

    Example:
        >>> Augmentation(strength=0.25, views=8)
        Augmentation(strength=0.25, views=8)
    """

    @takes_settings(AUGMENTATION)
    def __init__(
        self, strength: float = 0.5, **options: Unpack[AugmentationOptions]
    ) -> None:
        config = validated(AugmentationConfig, "augmentation", strength=strength, **options)
        self.strength = config.strength
        self.views = config.views

    def __repr__(self) -> str:
        return f"Augmentation(strength={self.strength}, views={self.views!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Augmentation) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def parameters(
        self,
        seed: int,
        images: npt.NDArray[np.uint64],
        draws: npt.NDArray[np.int64],
        size: int,
    ) -> Floats:
        """Draws what is to happen to images.

        Args:
            seed: Of the run.
            images: `(rows,)` a number that identifies each image.
            draws: `(rows,)` how often each was drawn before.
            size: Height and width of the images in pixels.

        Returns:
            `(rows, 10)` float32: eight coefficients of a projective transform from the
            output to the input, a factor for contrast, a summand for brightness.
        """
        versions = draws if self.views == "fresh" else draws % int(self.views)
        draw = uniforms(8, seed, images, versions)
        signed = (2 * draw - 1) * self.strength
        flip = np.where(draw[:, :2] < min(self.strength, 0.5), -1.0, 1.0)
        matrix = affine_coefficients(
            angle=signed[:, 2] * MAX_ROTATION_RADIANS,
            scale=flip * (1 + signed[:, 3:4] * MAX_ZOOM),
            shift=signed[:, 4:6] * MAX_SHIFT * size,
            centre=(size - 1) / 2,
        )
        contrast = 1 + signed[:, 6:7] * MAX_CONTRAST
        brightness = signed[:, 7:8] * MAX_BRIGHTNESS * 255
        return np.hstack([matrix, contrast, brightness]).astype(np.float32)


def augment(images: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
    """Does to images what `Augmentation.parameters` drew.

    Args:
        images: `(rows, height, width, 3)` float32 in [0, 255].
        parameters: `(rows, 10)` float32.

    Returns:
        Images of the same shape, type and range.
    """
    size = tf.shape(images)[1:3]
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=parameters[:, :8],
        output_shape=size,
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )
    contrast = parameters[:, 8, None, None, None]
    brightness = parameters[:, 9, None, None, None]
    mean = tf.reduce_mean(moved, axis=[1, 2], keepdims=True)
    # In this form exactly `moved` where nothing is to change.
    toned = moved * contrast + (mean * (1 - contrast) + brightness)
    return tf.clip_by_value(toned, 0.0, 255.0)


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


def uniforms(count: int, *keys: int | npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Random numbers in [0, 1), a function of the keys alone.

    Mixes the keys with the finaliser of SplitMix64 (Steele, Lea and Flood, 2014).

    Args:
        count: How many numbers for each set of keys.
        *keys: Integers, or arrays of them of shape `(rows,)`.

    Returns:
        `(rows, count)` numbers, float64; one row if all keys are single integers.

    Example:
        >>> bool((uniforms(2, 7, 1) == uniforms(2, 7, 1)).all())
        True
    """
    state = np.zeros((1, 1), np.uint64)
    with np.errstate(over="ignore"):
        for key in keys:
            state = _mix(state ^ (_as_column(key) + _GOLDEN))
        states = state + np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN
        return (_mix(states) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _as_column(key: int | npt.NDArray[np.integer]) -> npt.NDArray[np.uint64]:
    return np.atleast_1d(np.asarray(key)).astype(np.uint64).reshape(-1, 1)


def _mix(state: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
