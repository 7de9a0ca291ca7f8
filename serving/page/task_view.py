"""Formats the predictions of multi-label and regression models for the page."""

from collections.abc import Mapping
from typing import Any

from ...core.names import printable, some
from ...export.portable.document import ModelDocument
from .words import percent

_MAX_NAMES = 12


def about(document: ModelDocument) -> str:
    """Describes what a model predicts, in a sentence.

    Args:
        document: Document of the model.
    """
    names = document.classes
    listed = some(names, _MAX_NAMES)
    if document.task == "multi_label":
        return f"Assigns any number of {len(names):,} labels to an image: {listed}."
    if document.task == "regression":
        return f"Predicts for each image: {listed}."
    return f"Distinguishes {len(names):,} classes: {listed}."


def caption(document: ModelDocument) -> str:
    """Returns the caption of the table with the prediction for an image.

    Args:
        document: Document of the model.
    """
    if document.task == "regression":
        return "Predicted numbers"
    is_corrected = document.correction is not None
    return "Calibrated probabilities" if is_corrected else "Probabilities, not calibrated"


def columns(document: ModelDocument) -> tuple[str, str]:
    """Returns the column headers of that table, for screen readers.

    Args:
        document: Document of the model.
    """
    if document.task == "regression":
        return "number", "value"
    return "label" if document.task == "multi_label" else "class", "probability"


def task_view(answer: Mapping[str, Any], document: ModelDocument) -> dict[str, Any]:
    """Returns what the page shows for an image; see `view.answer_view`.

    Args:
        answer: Prediction for the image, from `export.portable.answers.describe`.
        document: Document of the model.
    """
    if document.task == "multi_label":
        return _labels(answer, document)
    return _numbers(answer, document)


def _labels(answer: Mapping[str, Any], document: ModelDocument) -> dict[str, Any]:
    given, thresholds = set(answer["labels"]), answer["thresholds"]
    probabilities = list(answer["probabilities"].values())
    order = sorted(range(len(probabilities)), key=lambda each: -probabilities[each])
    shown = [
        {
            "name": f"{printable(name)} (from {percent(thresholds[name])} on)",
            "probability": probabilities[place],
            "percent": percent(probabilities[place]),
            "is_likely": name in given,
        }
        for place, name in ((place, document.classes[place]) for place in order)
    ]
    names = [name for name in document.classes if name in given]
    return {
        "is_sure": None,
        "verdict": some(names, _MAX_NAMES) if names else "None of the labels",
        "why": "An image has each label whose probability reaches its threshold.",
        "classes": shown,
        "order": order,
        "thresholds": [],
    }


def _numbers(answer: Mapping[str, Any], document: ModelDocument) -> dict[str, Any]:
    shown = [
        {
            "name": printable(name),
            "probability": None,
            "percent": _number(answer["values"][name], answer["intervals"][name]),
            "is_likely": False,
        }
        for name in document.classes
    ]
    has_interval = any(answer["intervals"].values())
    return {
        "is_sure": None,
        "verdict": ", ".join(
            f"{printable(name)} {value:.4g}"
            for name, value in list(answer["values"].items())[:_MAX_NAMES]
        ),
        "why": (
            "An interval contains the true value at the stated rate, for images like the "
            "validation images."
            if has_interval
            else "The error of these predictions was not measured."
        ),
        "classes": shown,
        "order": list(range(len(shown))),
        "thresholds": [],
    }


def _number(value: float, interval: list[float] | None) -> str:
    if interval is None:
        return f"{value:.4g}"
    return f"{value:.4g} ({interval[0]:.4g} to {interval[1]:.4g})"
