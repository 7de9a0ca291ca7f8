"""What an alarm is worth: counts at a threshold, shares and areas with intervals."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .intervals import bootstrap
from .proportions import share_interval
from .ranking import Floats, Ranking, average_precision, ratio, roc_auc

Truth = npt.NDArray[np.bool_]
Scores = npt.NDArray[np.floating]
Labels = npt.NDArray[np.integer]

SHARES = ("sensitivity", "specificity", "precision", "negative_predictive_value")


def alarm_scores(
    truth: Truth, alarm: Truth, labels: Labels, groups: Labels | None = None
) -> dict[str, Any]:
    """Scores alarms.

    Args:
        truth: `(images,)` which images should be alarmed on.
        alarm: `(images,)` which are.
        labels: `(images,)` classes, by which the bootstrap is stratified.
        groups: `(images,)` numbers that images of one patient, say, share.

    Returns:
        `true_positives`, `false_negatives`, `false_positives`, `true_negatives`,
        `sensitivity`, `specificity`, `precision`, `negative_predictive_value`, `f1`, each
        None where there is nothing to divide by, and `intervals` of those there are:
        Wilson's of shares, of F1 by the bootstrap; all ready for JSON.

    Example:
        >>> truth = np.array([True, True, False, False])
        >>> alarm = np.array([True, False, False, False])
        >>> scores = alarm_scores(truth, alarm, truth.astype(int))
        >>> scores["sensitivity"], scores["precision"], scores["false_positives"]
        (0.5, 1.0, 0)
    """
    parts = {  # those asked about, and which of them are hits
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
    truth: Truth, score: Scores, labels: Labels, groups: Labels | None = None
) -> dict[str, Any]:
    """ROC AUC and average precision, with bootstrap intervals.

    Args:
        truth: `(images,)` which are positive: some are, and some are not.
        score: `(images,)`.
        labels: `(images,)` classes, by which the bootstrap is stratified.
        groups: `(images,)` numbers that images of one patient, say, share.

    Returns:
        `roc_auc`, `average_precision` and `intervals` of both; ready for JSON.
    """
    ranking = Ranking(truth, score)

    def areas(weights: Floats) -> Mapping[str, Floats]:
        sums = ranking.sums(weights)
        return {"roc_auc": roc_auc(*sums), "average_precision": average_precision(*sums)}

    values = {
        name: float(area[0]) for name, area in areas(np.ones((1, len(truth)))).items()
    }
    intervals = bootstrap(labels, areas, groups=groups)
    return values | {"intervals": {name: list(ends) for name, ends in intervals.items()}}


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
