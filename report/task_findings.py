"""Findings on multi-label and regression models, with images of mistakes."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from ..core.names import visible
from ..evaluation.finding import Finding, Panel
from ..evaluation.multi_label.predictions import LabelPredictions
from ..evaluation.regression.predictions import NumberPredictions
from .explanations.readable_images import ReadableImages
from .numbers import shown
from .run_report import LoadImages

MOST_SHOWN = 24
TaskPredictions = LabelPredictions | NumberPredictions


class _Shown(NamedTuple):
    """An image to show, with its heading and caption."""

    row: int
    heading: str
    caption: Sequence[str]


def task_findings(
    predictions: TaskPredictions, scores: Mapping[str, Any], load_images: LoadImages | None
) -> dict[str, Finding]:
    """Returns scores, figures and the worst mistakes of a multi-label or regression model.

    Args:
        predictions: Predictions with targets.
        scores: Their scores, as in test.json.
        load_images: Returns test images by row; None if there are none to show.
    """
    if isinstance(predictions, LabelPredictions):
        from ..evaluation.multi_label.findings import label_findings  # loads Matplotlib

        found = label_findings(predictions, scores)
        mistakes = _with_images("The most confident mistakes", predictions, load_images)
        return {**found, "mistakes": mistakes}
    from ..evaluation.regression.findings import number_findings  # loads Matplotlib

    found = number_findings(predictions, scores)
    errors = _with_images("The largest errors", predictions, load_images)
    return {**found, "largest_errors": errors}


def _with_images(
    title: str, predictions: TaskPredictions, load_images: LoadImages | None
) -> Finding:
    chosen = (
        _wrong_labels(predictions)
        if isinstance(predictions, LabelPredictions)
        else _wrong_numbers(predictions)
    )
    names = predictions.names
    values = {
        "images": [
            {"file": str(names[each.row]), "kind": each.heading, "what": list(each.caption)}
            for each in chosen
        ]
    }
    if not chosen:
        return Finding(title, conclusions=["All labels of all test images are right."])
    if load_images is None:
        gap = "not shown: images, because none can be loaded"
        return Finding(title, _EXPLANATION, values=values, gaps=[gap])
    reader = ReadableImages(SimpleNamespace(images=load_images))
    rows = np.array(list(dict.fromkeys(each.row for each in chosen)), np.int64)
    pixels = {
        row: image
        for chunk in reader.chunks(rows)
        for row, image in zip(chunk.rows.tolist(), chunk.images, strict=True)
    }
    panels = [
        Panel(
            each.heading,
            [visible(str(names[each.row])), *each.caption],
            pixels[each.row],
            each.row,
        )
        for each in chosen
        if each.row in pixels
    ]
    return Finding(
        title, _EXPLANATION, values=values, gaps=reader.gaps(names), panels=panels
    )


_EXPLANATION = (
    "Look here for wrong labels in the test set and for patterns in the mistakes."
)


def _wrong_labels(predictions: LabelPredictions) -> list[_Shown]:
    from ..evaluation.multi_label.findings import find_label_mistakes

    found = [
        _Shown(
            each.row,
            "Missed" if each.is_missed else "Predicted, but absent",
            [
                f"{predictions.label_names[each.label]}: probability "
                f"{shown(float(predictions.probabilities[each.row, each.label]))}"
            ],
        )
        for each in find_label_mistakes(predictions, MOST_SHOWN)
    ]
    return sorted(found, key=lambda each: each.heading)  # stable within a heading


def _wrong_numbers(predictions: NumberPredictions) -> list[_Shown]:
    from ..evaluation.regression.findings import find_largest_errors

    targets = predictions.targets
    if targets is None:
        raise ValueError("Predictions must have targets.")
    return [
        _Shown(
            row,
            "In units of the typical error of each number",
            [
                f"{name}: {shown(float(predictions.values[row, place]))}, "
                f"true {shown(float(targets[row, place]))}"
                for place, name in enumerate(predictions.target_names)
            ],
        )
        for row in find_largest_errors(predictions, MOST_SHOWN)
    ]
