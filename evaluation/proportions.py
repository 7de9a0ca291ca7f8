"""How sure a share of images is.

Method: Wilson's score interval (Journal of the American Statistical Association 22, 1927),
which stays within 0 and 1 and is of use from a single image on.
"""

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]


def wilson_intervals(
    successes: npt.ArrayLike, totals: npt.ArrayLike, confidence: float = 0.95
) -> Floats:
    """Intervals of shares.

    Args:
        successes: `(shares,)`: how many of each total.
        totals: `(shares,)`: of how many; of none, nothing is known.
        confidence: How often such intervals hold the true share.

    Returns:
        `(shares, 2)`: low and high ends.

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


def wilson_interval(successes: int, total: int, confidence: float = 0.95) -> list[float]:
    """The interval of one share, ready for JSON; see `wilson_intervals`."""
    return [float(end) for end in wilson_intervals(successes, total, confidence)]
