"""Scores of regression."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..statistics.intervals import bootstrap, only
from ..statistics.ranking import Floats

Values = npt.NDArray[np.floating]


def regression_scores(
    targets: Values,
    predictions: Values,
    target_names: Sequence[str],
    groups: npt.NDArray[np.integer] | None = None,
) -> dict[str, Any]:
    """Scores predictions of one or several numbers per image.

    Args:
        targets: `(images, targets)`, at least one image.
        predictions: `(images, targets)`.
        target_names: Names of the targets, such as `["age"]`.
        groups: `(images,)` numbers shared by images of one group, such as a patient, which
            intervals resample as a whole. They do not affect scores.

    Returns:
        `images` and, for each target by name in `per_target`: `mean_absolute_error`,
        `root_mean_squared_error`, `median_absolute_error` (all in the target's unit), `r2`
        (null if all targets are equal), `bias` (mean of prediction minus target), and
        `intervals` with both ends of the 95% bootstrap interval of each except the median.
        `mean_absolute_error`, `root_mean_squared_error` and `r2` are also given as means
        over the targets, with intervals.

    Example:
        >>> scores = regression_scores(
        ...     np.array([[1.0], [2.0], [4.0]]), np.array([[1.5], [2.0], [3.0]]), ["age"]
        ... )
        >>> scores["mean_absolute_error"], round(scores["r2"], 3)
        (0.5, 0.732)
    """
    weighted = WeightedErrors(targets.astype(np.float64), predictions.astype(np.float64))
    plain = weighted(np.ones((1, len(targets))))
    strata = np.zeros(len(targets), np.int64)
    measured = [name for name, values in plain.items() if not np.isnan(values[0])]
    intervals = {
        name: list(ends)
        for name, ends in bootstrap(strata, only(weighted, measured), groups=groups).items()
    }
    medians = np.median(np.abs(predictions - targets), axis=0)
    per_target = {}
    for place, name in enumerate(target_names):
        own = {f"{measure}/{place}": measure for measure in MEASURES}
        per_target[name] = {
            **{measure: _number(plain[key][0]) for key, measure in own.items()},
            "median_absolute_error": float(medians[place]),
            "intervals": {own[key]: intervals[key] for key in own if key in intervals},
        }
    return {
        "images": len(targets),
        **{name: _number(plain[name][0]) for name in MEANS},
        "intervals": {name: intervals[name] for name in MEANS if name in intervals},
        "per_target": per_target,
    }


MEANS = ("mean_absolute_error", "root_mean_squared_error", "r2")
MEASURES = (*MEANS, "bias")


class WeightedErrors:
    """Errors in which each image counts as often as it was drawn.

    Args:
        targets: `(images, targets)` float64.
        predictions: `(images, targets)` float64.
    """

    def __init__(self, targets: Floats, predictions: Floats) -> None:
        self._targets = targets - targets.mean(axis=0)  # so that squares lose no precision
        self._errors = predictions - targets

    def __call__(self, weights: Floats) -> dict[str, Floats]:
        """Returns means over targets, and `MEASURE/PLACE` of each target, `(rounds,)` each.

        Args:
            weights: `(rounds, images)`: how often each was drawn.
        """
        images = weights.sum(axis=1, keepdims=True)
        squares = weights @ self._errors**2
        moments = weights @ self._targets**2
        spread = moments - (weights @ self._targets) ** 2 / images
        has_spread = spread > 1e-12 * moments  # in any unit
        r2 = np.full(squares.shape, np.nan)
        np.divide(squares, spread, out=r2, where=has_spread)
        measures = {
            "mean_absolute_error": weights @ np.abs(self._errors) / images,
            "root_mean_squared_error": np.sqrt(squares / images),
            "r2": 1 - r2,
            "bias": weights @ self._errors / images,
        }
        means = {name: measures[name].mean(axis=1) for name in MEANS}
        each = {
            f"{name}/{place}": column
            for name, columns in measures.items()
            for place, column in enumerate(columns.T)
        }
        return means | each


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
