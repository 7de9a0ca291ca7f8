"""Intervals around predicted numbers that hold the truth as often as they say.

Method: split conformal prediction of absolute residuals (Vovk, Gammerman and Shafer,
Algorithmic Learning in a Random World, 2005; Lei et al., 2018). Residuals are of validation
images; the promise holds for images of the same kind.
"""

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.floating]


def residual_quantiles(
    targets: Values, predictions: Values, coverage: float = 0.9
) -> list[float | None]:
    """Half the width of the interval around the predictions of each target.

    Args:
        targets: `(images, targets)` of validation images.
        predictions: `(images, targets)`.
        coverage: How often intervals are to hold the truth, in (0, 1).

    Returns:
        A number for each target, in its unit; None with too few images for the coverage:
        fewer than `coverage / (1 - coverage)`.

    Example:
        >>> targets = np.arange(9.0)[:, None]
        >>> residual_quantiles(targets, targets + np.linspace(-4, 4, 9)[:, None], 0.8)
        [4.0]
        >>> residual_quantiles(targets[:3], targets[:3], 0.8)
        [None]
    """
    residuals = np.sort(np.abs(predictions - targets), axis=0)
    # One of the rounding errors of a product must not ask for one more image.
    place = int(np.ceil(round((len(residuals) + 1) * coverage, 9)))
    if place > len(residuals):
        return [None] * residuals.shape[1]
    return [float(each) for each in residuals[place - 1]]


def interval_coverage(
    targets: Values, predictions: Values, half_widths: list[float | None]
) -> list[float | None]:
    """How often intervals hold the truth, for each target; None without an interval.

    Args:
        targets: `(images, targets)` of other images than those of `residual_quantiles`.
        predictions: `(images, targets)`.
        half_widths: Of `residual_quantiles`.
    """
    residuals = np.abs(predictions - targets)
    return [
        None if width is None else float((residuals[:, place] <= width).mean())
        for place, width in enumerate(half_widths)
    ]
