"""Chooses a few images to show of each class."""

import numpy as np
import numpy.typing as npt

SHOWN_CLASSES = 24


def sample_places(
    labels: npt.NDArray[np.integer], num_classes: int, per_class: int
) -> npt.NDArray[np.int64]:
    """The first images of each class; of very many classes, of some evenly spaced ones.

    Args:
        labels: `(images,)` positions of their classes.
        num_classes: The number of classes.
        per_class: How many images of each.

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
    """Evenly spaced places of images that have no classes.

    Example:
        >>> spread_places(100, most=3).tolist()
        [0, 50, 99]
    """
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)
