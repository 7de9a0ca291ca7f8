"""Chooses a few images of each class to show."""

import numpy as np
import numpy.typing as npt

SHOWN_CLASSES = 24


def sample_places(
    labels: npt.NDArray[np.integer], num_classes: int, per_class: int
) -> npt.NDArray[np.int64]:
    """Returns the first images of each class, or of evenly spaced ones among many classes.

    Args:
        labels: `(images,)` class indices.
        num_classes: Number of classes.
        per_class: Number of images per class.

    Returns:
        `(n,)` positions in `labels`, class by class.

    Example:
        >>> sample_places(np.array([1, 0, 1, 1]), num_classes=2, per_class=2).tolist()
        [1, 0, 2]
        >>> len(sample_places(np.arange(1000), num_classes=1000, per_class=4))
        24
    """
    shown = np.linspace(0, num_classes - 1, min(num_classes, SHOWN_CLASSES))
    return np.concatenate(
        [np.flatnonzero(labels == label)[:per_class] for label in shown.round().astype(int)]
    )


def spread_places(count: int, most: int = SHOWN_CLASSES) -> npt.NDArray[np.int64]:
    """Returns evenly spaced positions, for images without classes.

    Example:
        >>> spread_places(100, most=3).tolist()
        [0, 50, 99]
    """
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)
