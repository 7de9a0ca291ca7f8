"""Findings on multi-label classification for the report."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..finding import Finding, Table
from .figures import co_occurrence, co_occurrence_figure, precision_recall_figure
from .predictions import LabelPredictions
from .thresholds import DEFAULT, with_default

_COLUMNS = ("support", "average_precision", "roc_auc", "precision", "recall", "f1")


class LabelMistake(NamedTuple):
    """A label that is predicted wrongly or missed for an image.

    Attributes:
        row: Row of the image.
        label: Position of the label.
        is_missed: True if the image has the label; False if it is predicted wrongly.
        confidence: 0 at the threshold of the label, 1 at full certainty.
    """

    row: int
    label: int
    is_missed: bool
    confidence: float


def find_label_mistakes(predictions: LabelPredictions, most: int) -> list[LabelMistake]:
    """Returns the most confident mistakes, missed and wrong labels together.

    Args:
        predictions: Predictions with targets.
        most: Maximum number of mistakes.
    """
    truth = _targets(predictions)
    chosen = np.array(with_default(predictions.thresholds))
    away = predictions.probabilities - chosen
    room = np.where(away < 0, chosen, 1 - chosen)
    confidence = np.abs(away) / np.maximum(room, 1e-9)
    rows, labels = np.nonzero(truth != predictions.predicted)
    order = np.argsort(-confidence[rows, labels], kind="stable")[:most]
    return [
        LabelMistake(row, label, bool(truth[row, label]), float(confidence[row, label]))
        for row, label in zip(rows[order].tolist(), labels[order].tolist(), strict=True)
    ]


def label_findings(
    predictions: LabelPredictions, scores: Mapping[str, Any]
) -> dict[str, Finding]:
    """Returns findings on scores by label, and on the co-occurrence of labels.

    Args:
        predictions: Predictions with targets.
        scores: Their scores, as in test.json.
    """
    return {
        "labels": _label_scores_finding(predictions, scores["per_label"]),
        "co_occurrence": _co_occurrence_finding(predictions),
    }


def _label_scores_finding(
    predictions: LabelPredictions, per_label: Mapping[str, Any]
) -> Finding:
    truth, names = _targets(predictions), predictions.label_names
    header = ["label", "test images", "average precision", "ROC-AUC", "precision"]
    header += ["recall", "F1", "threshold"]
    rows = [
        [name, *(values[each] for each in (*_COLUMNS, "threshold"))]
        for name, values in per_label.items()
    ]
    by_default = [
        name
        for name, threshold in zip(names, predictions.thresholds, strict=True)
        if threshold is None
    ]
    gaps = [
        f"not chosen: a threshold for {name}; the default is {DEFAULT}"
        for name in by_default
    ]
    has_curve = bool((truth.any(axis=0) & ~truth.all(axis=0)).any())
    thresholds = with_default(predictions.thresholds)
    return Finding(
        "Labels",
        "A label is predicted if its probability reaches the threshold with the best F1 on "
        "validation images. The dot on a curve is that threshold; the dotted line is the "
        "precision of predicting the label for every image.",
        values={"per_label": dict(per_label)},
        gaps=gaps,
        tables=[Table("Scores by label", header, rows)],
        figures={
            "precision_and_recall": precision_recall_figure(
                truth, predictions.probabilities, names, thresholds
            )
        }
        if has_curve
        else {},
    )


def _co_occurrence_finding(predictions: LabelPredictions) -> Finding:
    truth = co_occurrence(_targets(predictions))
    predicted = co_occurrence(predictions.predicted)
    return Finding(
        "Labels that occur together",
        "The number of test images with both of two labels and, on the diagonal, with one: "
        "true and predicted.",
        values={
            "labels": list(predictions.label_names),
            "true": truth.tolist(),
            "predicted": predicted.tolist(),
        },
        figures={
            "co_occurrence": co_occurrence_figure(truth, predicted, predictions.label_names)
        },
    )


def _targets(predictions: LabelPredictions) -> Any:
    if predictions.targets is None:
        raise ValueError("Predictions must have targets.")
    return predictions.targets
