"""The training images on which the ranges of integers are measured."""

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
        pixels: `(images, height, width, 3)`, as they are, without augmentation.
        available: How many there were to choose from.
        seed: Of the choice.
    """

    pixels: npt.NDArray[np.uint8]
    available: int
    seed: int

    def as_json(self) -> dict[str, Any]:
        """How they were chosen, ready for JSON."""
        return {
            "split": "train",
            "images": len(self.pixels),
            "of": self.available,
            "seed": self.seed,
        }


def choose_calibration_images(
    train: Any, count: int = COUNT, seed: int = 0
) -> CalibrationImages:
    """Draws images of the training split, of each class as many as of any other.

    Args:
        train: `ImageData.train`.
        count: How many; all if there are fewer.
        seed: Of the draw.

    Raises:
        ConfigError: There are none.
        DataError: An image is not what it was.
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
    """Places of images, of each class as many as of any other as long as it has some.

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
