"""Chooses the training images used to calibrate the ranges of a quantized model."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.errors import ConfigError, message

COUNT = 128


@dataclass(frozen=True)
class CalibrationImages:
    """Images of the training split, and how they were chosen.

    Attributes:
        pixels: `(images, height, width, 3)` uint8, without augmentation.
        available: Number of images to choose from.
        seed: Seed of the draw.
    """

    pixels: npt.NDArray[np.uint8]
    available: int
    seed: int

    def as_json(self) -> dict[str, Any]:
        """Returns how the images were chosen, as JSON values."""
        return {
            "split": "train",
            "images": len(self.pixels),
            "of": self.available,
            "seed": self.seed,
        }


def choose_calibration_images(
    train: Any, count: int = COUNT, seed: int = 0
) -> CalibrationImages:
    """Draws images of the training split, equally many of each class.

    Args:
        train: `ImageData.train`.
        count: Number of images; all if there are fewer.
        seed: Seed of the draw.

    Raises:
        ConfigError: The training split has no images.
        DataError: An image has changed since the split.
    """
    if train is None or not len(train.labels):
        raise ConfigError(
            message("An int8 export needs images of the training split.", images=0)
        )
    places = draw_evenly(train.labels, count, seed)
    pixels = train.in_order.images(places)
    return CalibrationImages(pixels, len(train.labels), seed)


def draw_evenly(
    labels: npt.NDArray[np.integer], count: int, seed: int
) -> npt.NDArray[np.int64]:
    """Draws indices of images, equally many of each class as long as a class has enough.

    Args:
        labels: `(images,)` class of each image.
        count: Number of indices; all if there are fewer.
        seed: Seed of the draw.

    Returns:
        The sorted indices.

    Example:
        >>> labels = np.array([0] * 90 + [1] * 3)
        >>> np.bincount(labels[draw_evenly(labels, 10, seed=0)]).tolist()
        [7, 3]
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    rank = np.empty(len(labels), np.int64)  # of each place in `order`, within its class
    for each in np.unique(labels):
        rank[labels[order] == each] = np.arange((labels == each).sum())
    return np.sort(order[np.argsort(rank, kind="stable")[:count]])
