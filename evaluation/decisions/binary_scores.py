"""Scores of binary decisions: counts, rates and areas with intervals."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..statistics.areas import Areas
from ..statistics.intervals import bootstrap
from ..statistics.proportions import share_interval
from ..statistics.ranking import Floats, ratio

Truth = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.integer]

AREAS = ("roc_auc", "average_precision")
SHARES = ("sensitivity", "specificity", "precision", "negative_predictive_value")


def alarm_scores(
    truth: Truth, alarm: Truth, labels: Labels, groups: Labels | None = None
) -> dict[str, Any]:
    """Scores binary predictions.

    Args:
        truth: `(images,)` bool, whether each image is positive.
        alarm: `(images,)` bool, whether each image is predicted as positive.
        labels: `(images,)` classes, the strata of the bootstrap.
        groups: `(images,)` numbers shared by images of one group, such as a patient.

    Returns:
        `true_positives`, `false_negatives`, `false_positives`, `true_negatives`,
        `sensitivity`, `specificity`, `precision`, `negative_predictive_value`, `f1`, each
        None if undefined, and `intervals` of the others: Wilson intervals of rates and a
        bootstrap interval of F1; all JSON values.

    Example:
        >>> truth = np.array([True, True, False, False])
        >>> alarm = np.array([True, False, False, False])
        >>> scores = alarm_scores(truth, alarm, truth.astype(int))
        >>> scores["sensitivity"], scores["precision"], scores["false_positives"]
        (0.5, 1.0, 0)
    """
    parts = {  # the images that count, and the hits among them
        "sensitivity": (truth, alarm),
        "specificity": (~truth, ~alarm),
        "precision": (alarm, truth),
        "negative_predictive_value": (~alarm, ~truth),
    }
    values: dict[str, float | None] = {}
    intervals: dict[str, list[float]] = {}
    for name, (asked, hit) in parts.items():
        values[name] = float(hit[asked].mean()) if asked.any() else None
        if asked.any():
            own = None if groups is None else groups[asked]
            intervals[name] = share_interval(hit[asked], own)
    values["f1"] = _f1(truth, alarm)
    if values["f1"] is not None:
        intervals["f1"] = _f1_interval(truth, alarm, labels, groups)
    return {
        "true_positives": int((truth & alarm).sum()),
        "false_negatives": int((truth & ~alarm).sum()),
        "false_positives": int((~truth & alarm).sum()),
        "true_negatives": int((~truth & ~alarm).sum()),
        **values,
        "intervals": intervals,
    }


def ranking_scores(
    areas: Mapping[str, Areas], labels: Labels, groups: Labels | None = None
) -> dict[str, dict[str, Any]]:
    """Returns ROC AUC and average precision with bootstrap intervals.

    Args:
        areas: Areas of the same images, by name of the class; all share the same draws.
        labels: `(images,)` classes, the strata of the bootstrap.
        groups: `(images,)` numbers shared by images of one group, such as a patient.

    Returns:
        By name, `roc_auc`, `average_precision` and `intervals` of both, as JSON values.
    """

    def measure(weights: Floats) -> dict[str, Floats]:
        measured = {}
        for name, each in areas.items():
            for area, values in zip(AREAS, each.both(weights), strict=True):
                measured[f"{area}:{name}"] = values
        return measured

    if not areas:
        return {}
    values = measure(np.ones((1, len(labels))))
    intervals = bootstrap(labels, measure, groups=groups)
    return {
        name: {
            **{area: float(values[f"{area}:{name}"][0]) for area in AREAS},
            "intervals": {area: list(intervals[f"{area}:{name}"]) for area in AREAS},
        }
        for name in areas
    }


def _f1(truth: Truth, alarm: Truth) -> float | None:
    every = int(truth.sum() + alarm.sum())
    return float(2 * (truth & alarm).sum() / every) if every else None


def _f1_interval(
    truth: Truth, alarm: Truth, labels: Labels, groups: Labels | None
) -> list[float]:
    both, every = (truth & alarm) * 2.0, truth * 1.0 + alarm

    def f1(weights: Floats) -> Mapping[str, Floats]:
        return {"f1": ratio(weights @ both, weights @ every)}

    return list(bootstrap(labels, f1, groups=groups)["f1"])
