"""Prediction intervals with a given coverage.

Method: split conformal prediction of absolute residuals (Vovk, Gammerman and Shafer,
Algorithmic Learning in a Random World, 2005; Lei et al., 2018). Residuals are those of
validation images; the coverage holds for images from the same distribution.
"""

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.floating]


def residual_quantiles(
    targets: Values, predictions: Values, coverage: float = 0.9
) -> list[float | None]:
    """Returns half the width of the interval around the predictions of each target.

    Args:
        targets: `(images, targets)` of validation images.
        predictions: `(images, targets)`.
        coverage: Fraction of intervals that must contain the true value, in (0, 1).

    Returns:
        A number for each target, in its unit; None with fewer images than
        `coverage / (1 - coverage)`.

    Example:
        >>> targets = np.arange(9.0)[:, None]
        >>> residual_quantiles(targets, targets + np.linspace(-4, 4, 9)[:, None], 0.8)
        [4.0]
        >>> residual_quantiles(targets[:3], targets[:3], 0.8)
        [None]
    """
    residuals = np.sort(np.abs(predictions - targets), axis=0)
    # Rounding errors of the product must not require one more image.
    place = int(np.ceil(round((len(residuals) + 1) * coverage, 9)))
    if place > len(residuals):
        return [None] * residuals.shape[1]
    return [float(each) for each in residuals[place - 1]]


def interval_coverage(
    targets: Values, predictions: Values, half_widths: list[float | None]
) -> list[float | None]:
    """Returns the coverage of intervals for each target; None without an interval.

    Args:
        targets: `(images, targets)` of other images than those of `residual_quantiles`.
        predictions: `(images, targets)`.
        half_widths: Result of `residual_quantiles`.
    """
    residuals = np.abs(predictions - targets)
    return [
        None if width is None else float((residuals[:, place] <= width).mean())
        for place, width in enumerate(half_widths)
    ]
