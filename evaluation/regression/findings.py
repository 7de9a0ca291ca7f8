"""Findings on regression for the report."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..finding import Finding, Table
from .figure import residuals_figure, scatter_figure
from .predictions import NumberPredictions

_QUANTILES = (5, 25, 50, 75, 95)
_MEASURES = {
    "mean_absolute_error": "mean absolute error",
    "root_mean_squared_error": "root mean squared error",
    "r2": "R²",
    "bias": "bias",
}


def number_findings(
    predictions: NumberPredictions, scores: Mapping[str, Any]
) -> dict[str, Finding]:
    """Returns findings on scores by target, and on residuals.

    Args:
        predictions: Predictions with targets.
        scores: Their scores, as in test.json.
    """
    return {
        "numbers": _target_scores_finding(predictions, scores["per_target"]),
        "residuals": _residuals(predictions),
    }


def find_largest_errors(predictions: NumberPredictions, most: int) -> list[int]:
    """Returns the rows of the images with the largest errors, the largest first.

    To compare different units, each error is divided by the root mean squared error of its
    target; the largest quotient of an image counts.

    Args:
        predictions: Predictions with targets.
        most: Maximum number of rows.
    """
    errors = _errors(predictions)
    typical = np.sqrt((errors**2).mean(axis=0))
    largest = (np.abs(errors) / np.where(typical > 0, typical, 1)).max(axis=1)
    return np.argsort(-largest, kind="stable")[:most].tolist()


def _target_scores_finding(
    predictions: NumberPredictions, per_target: Mapping[str, Any]
) -> Finding:
    missing = [name for name, v in per_target.items() if v["interval_half_width"] is None]
    scatter = scatter_figure(
        _targets(predictions),
        predictions.values,
        predictions.target_names,
        predictions.half_widths,
    )
    return Finding(
        "Numbers",
        "Errors are in the unit of each number; the bias is the mean of prediction minus "
        "true value. The interval of a prediction plus or minus the half width should "
        f"contain the true value for {predictions.coverage:.0%} of images like those of "
        "the validation split, on which the width was chosen.",
        values={"per_target": dict(per_target)},
        warnings=[
            f"{name} is predicted worse than by the mean of all images (R² below 0)"
            for name, of_number in per_target.items()
            if of_number["r2"] is not None and of_number["r2"] < 0
        ],
        gaps=[f"not chosen: an interval for {name}" for name in missing],
        tables=[_scores_table(per_target), _widths_table(per_target, predictions.coverage)],
        figures={"predicted_and_true": scatter},
    )


def _scores_table(per_target: Mapping[str, Any]) -> Table:
    rows = [
        [name, title, values[key], *(values["intervals"].get(key) or (None, None))]
        for name, values in per_target.items()
        for key, title in _MEASURES.items()
    ]
    header = ["number", "score", "value", "low", "high"]
    return Table("Scores by number, with 95% intervals", header, rows)


def _widths_table(per_target: Mapping[str, Any], coverage: float) -> Table:
    keys = ("median_absolute_error", "interval_half_width", "interval_coverage")
    rows = [[name, *(values[key] for key in keys)] for name, values in per_target.items()]
    header = ["number", "median absolute error", "half width", "coverage of test images"]
    return Table(f"Intervals around predictions (aim: {coverage:.0%})", header, rows)


def _residuals(predictions: NumberPredictions) -> Finding:
    errors = _errors(predictions)
    quantiles = np.percentile(errors, _QUANTILES, axis=0).T
    rows = [
        [name, *row.tolist()]
        for name, row in zip(predictions.target_names, quantiles, strict=True)
    ]
    header = ["number", *(f"{each}%" for each in _QUANTILES)]
    return Finding(
        "Residuals",
        "Prediction minus true value. A slope shows regression towards the mean: large "
        "values are predicted too low, and small ones too high.",
        values={name: dict(zip(header[1:], row, strict=True)) for name, *row in rows},
        tables=[Table("Quantiles of the residuals", header, rows)],
        figures={
            "residuals": residuals_figure(
                _targets(predictions), predictions.values, predictions.target_names
            )
        },
    )


def _errors(predictions: NumberPredictions) -> npt.NDArray[np.float64]:
    values = predictions.values.astype(np.float64)
    return np.asarray(values - _targets(predictions))


def _targets(predictions: NumberPredictions) -> npt.NDArray[np.float32]:
    if predictions.targets is None:
        raise ValueError("Predictions must have targets.")
    return predictions.targets
