"""The strata to spread evenly over splits, as pairs of an image and a kind."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

MOST_RANGES = 10
_FEWEST_IN_RANGE = 10


class Kinds(NamedTuple):
    """The kinds (strata) of images: at least one per image.

    Attributes:
        rows: `(pairs,)` positions of images, in order.
        kinds: `(pairs,)` numbers of kinds, starting at 0.
    """

    rows: npt.NDArray[np.intp]
    kinds: npt.NDArray[np.intp]

    def among(self, chosen: npt.NDArray[np.bool_]) -> "Kinds":
        """Returns the kinds of some images, with their positions among these.

        Args:
            chosen: `(images,)` bool.
        """
        pairs = chosen[self.rows]
        return Kinds((np.cumsum(chosen) - 1)[self.rows[pairs]], self.kinds[pairs])


def kinds_of_classes(labels: npt.NDArray[np.integer]) -> Kinds:
    """Returns one kind per image: its class.

    Args:
        labels: `(images,)`.
    """
    return Kinds(np.arange(len(labels)), labels.astype(np.intp))


def kinds_of_labels(targets: npt.NDArray[np.floating]) -> Kinds:
    """Returns a kind for every label of an image, or one for images without labels.

    Args:
        targets: `(images, labels)` of 1 and 0.

    Example:
        >>> rows, kinds = kinds_of_labels(np.array([[1.0, 1.0], [0.0, 0.0]]))
        >>> rows.tolist(), kinds.tolist()
        ([0, 0, 1], [0, 1, 2])
    """
    none = ~(targets > 0).any(axis=1, keepdims=True)
    return Kinds(*np.nonzero(np.hstack([targets > 0, none])))


def kinds_of_numbers(targets: npt.NDArray[np.floating]) -> Kinds:
    """Divides the values of each target into up to ten ranges with equally many images.

    Args:
        targets: `(images, numbers)`.

    Example:
        >>> rows, kinds = kinds_of_numbers(np.array([[0.5], [3.0], [0.7]]))
        >>> kinds.tolist()
        [0, 0, 0]
    """
    images, numbers = targets.shape
    ranges = int(np.clip(images // _FEWEST_IN_RANGE, 1, MOST_RANGES))
    inner = np.quantile(targets, np.arange(1, ranges) / ranges, axis=0)
    places = np.stack(
        [
            np.searchsorted(inner[:, number], targets[:, number], side="right")
            for number in range(numbers)
        ],
        axis=1,
    )
    kinds = places + np.arange(numbers) * ranges
    return Kinds(np.repeat(np.arange(images), numbers), kinds.ravel())
