"""Intervals of proportions.

Method: Wilson's score interval (Journal of the American Statistical Association 22, 1927),
which stays within 0 and 1 and works even for a single image.
"""

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]


def wilson_intervals(
    successes: npt.ArrayLike, totals: npt.ArrayLike, confidence: float = 0.95
) -> Floats:
    """Returns intervals of proportions.

    Args:
        successes: `(proportions,)`: number of successes.
        totals: `(proportions,)`: number of trials; the interval of none is [0, 1].
        confidence: Confidence level of the intervals.

    Returns:
        `(proportions, 2)`: low and high ends.

    Example:
        >>> wilson_intervals([9, 0], [10, 0]).round(2).tolist()
        [[0.6, 0.98], [0.0, 1.0]]
    """
    count = np.asarray(totals, np.float64)
    share = np.asarray(successes, np.float64) / np.maximum(count, 1)
    squared = special.ndtri((1 + confidence) / 2) ** 2
    centre = (share * count + squared / 2) / (count + squared)
    spread = np.sqrt(squared * (share * (1 - share) * count + squared / 4))
    half = spread / (count + squared)
    return np.stack([np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)], axis=-1)


def wilson_interval(
    successes: float, total: float, confidence: float = 0.95
) -> list[float]:
    """Returns the interval of one proportion as JSON values; see `wilson_intervals`."""
    return [float(end) for end in wilson_intervals(successes, total, confidence)]


def share_interval(
    hits: npt.NDArray[np.bool_], groups: npt.NDArray[np.integer] | None = None
) -> list[float]:
    """Returns the 95% interval of the fraction of hits, as JSON values.

    Images of one patient are not independent. If groups are known, the interval is that of
    the effective number of images, derived from the variance over groups (Korn and
    Graubard, Survey Methodology 24, 1998; Dean and Pagano, Journal of Survey Statistics
    and Methodology 3, 2015, for Wilson's interval).

    Args:
        hits: `(images,)` bool.
        groups: `(images,)` numbers shared by images of one group, such as a patient.

    Example:
        >>> hits = np.array([True, True, True, False])
        >>> [round(end, 2) for end in share_interval(hits)]
        [0.3, 0.95]
        >>> copies = hits.repeat(5), np.arange(4).repeat(5)
        >>> [round(end, 2) for end in share_interval(*copies)]
        [0.3, 0.95]
    """
    total = _effective_number(hits, groups) if len(hits) else 0.0
    return wilson_interval(hits.mean() * total if total else 0.0, total)


def _effective_number(
    hits: npt.NDArray[np.bool_], groups: npt.NDArray[np.integer] | None
) -> float:
    """Returns the number of independent images with the same information."""
    if groups is None:
        return float(len(hits))
    share = hits.mean()
    numbers, unit = np.unique(groups, return_inverse=True)
    if share in (0.0, 1.0) or len(numbers) == 1:
        return float(len(numbers))
    surplus = np.bincount(unit, weights=hits - share)  # hits above average per group
    variance = float((surplus**2).sum()) / len(hits) ** 2
    most = float(len(hits))
    return min(share * (1 - share) / variance, most) if variance > 0 else most
