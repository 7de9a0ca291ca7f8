"""What a report says of a model of several labels per image."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..finding import Finding, Table
from .figures import co_occurrence, co_occurrence_figure, precision_recall_figure
from .predictions import LabelPredictions
from .thresholds import DEFAULT, with_default

_COLUMNS = ("support", "average_precision", "roc_auc", "precision", "recall", "f1")


class LabelMistake(NamedTuple):
    """A label that an image is given wrongly, or lacks.

    Attributes:
        row: Of the image.
        label: Its place among the labels.
        is_missed: Whether the image has it; else the image is given it.
        confidence: 0 at the threshold of the label, 1 where the model is certain.
    """

    row: int
    label: int
    is_missed: bool
    confidence: float


def find_label_mistakes(predictions: LabelPredictions, most: int) -> list[LabelMistake]:
    """The most confident of all wrong labels, missed ones and wrong ones together.

    Args:
        predictions: With targets.
        most: How many, at most.
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
    """Scores by label, and which labels stand together.

    Args:
        predictions: With targets.
        scores: Of them, as in test.json.
    """
    return {
        "labels": _by_label(predictions, scores["per_label"]),
        "co_occurrence": _together(predictions),
    }


def _by_label(predictions: LabelPredictions, per_label: Mapping[str, Any]) -> Finding:
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
    gaps = [f"not chosen: a threshold for {name}; it is {DEFAULT}" for name in by_default]
    has_curve = bool((truth.any(axis=0) & ~truth.all(axis=0)).any())
    thresholds = with_default(predictions.thresholds)
    return Finding(
        "Labels",
        "An image gets a label if its probability reaches the threshold with the best F1 "
        "on validation images. The dot on a curve is that threshold; the dotted line is "
        "the precision of giving the label to every image.",
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


def _together(predictions: LabelPredictions) -> Finding:
    truth = co_occurrence(_targets(predictions))
    predicted = co_occurrence(predictions.predicted)
    return Finding(
        "Labels that occur together",
        "How many test images have both of two labels, and on the diagonal how many have "
        "one: truly, and as predicted.",
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
        raise ValueError("Predictions without targets have no mistakes.")
    return predictions.targets
