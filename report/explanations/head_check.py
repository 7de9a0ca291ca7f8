"""Checks whether class activation maps depend on what the head of a model has learned.

Method: Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018. Maps that stay the
same with random weights show, for example, edges of the image, and not what the model has
learned.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.floating[Any]]

LEAST_IMAGES = 20
BOUND = 0.5


@dataclass(frozen=True)
class HeadCheck:
    """Similarity of the maps of trained and random heads.

    Attributes:
        correlations: `(images,)`: mean rank correlation of the map of each image with those
            of random heads.
    """

    correlations: Floats

    @property
    def median(self) -> float:
        """Median of the correlations."""
        return float(np.median(self.correlations))

    @property
    def is_passed(self) -> bool:
        """Whether the maps depend on the head."""
        return self.median < BOUND

    @property
    def problem(self) -> str:
        """Why there is no result; empty if there is one."""
        usable = len(self.correlations)
        if usable >= LEAST_IMAGES:
            return ""
        return f"it requires {LEAST_IMAGES} images whose maps vary, but there are {usable}"

    def values(self) -> dict[str, Any]:
        """Returns the result as JSON values."""
        return {
            "images": len(self.correlations),
            "correlations": [round(float(each), 6) for each in self.correlations],
            "median": None if self.problem else self.median,
            "bound": BOUND,
            "passed": None if self.problem else self.is_passed,
        }


def check_head(maps: Floats) -> HeadCheck:
    """Compares the maps of a model with those of random heads.

    Args:
        maps: `(images, 1 + heads, height, width)`, the map of the model first. Constant
            maps have no ranks and are ignored.
    """
    itself = np.broadcast_to(maps[:, :1], maps[:, 1:].shape)
    heads = rank_correlations(itself, maps[:, 1:])
    known = np.isfinite(heads)
    counted = known.sum(axis=1)
    means = np.where(known, heads, 0).sum(axis=1) / np.maximum(counted, 1)
    return HeadCheck(means[counted > 0])


def rank_correlations(first: Floats, second: Floats) -> Floats:
    """Returns Spearman's rank correlation of maps, each `(..., height, width)`.

    Returns:
        `(...)`; NaN if a map is constant or not finite.

    Example:
        >>> first = np.array([[[1.0, 2.0, 3.0]]])
        >>> rank_correlations(first, first**3).tolist()
        [1.0]
    """
    shape = (*first.shape[:-2], -1)
    ranks = [stats.rankdata(each.reshape(shape), axis=-1) for each in (first, second)]
    one, other = (each - each.mean(axis=-1, keepdims=True) for each in ranks)
    norms = np.sqrt((one**2).sum(axis=-1) * (other**2).sum(axis=-1))
    finite = np.isfinite(first).all((-2, -1)) & np.isfinite(second).all((-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.where(finite, (one * other).sum(axis=-1) / norms, np.nan)
    return found
