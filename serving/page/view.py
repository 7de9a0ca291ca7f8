"""Formats the model and its predictions for the page."""

from collections.abc import Mapping
from typing import Any

from ...core.names import printable
from ...core.table_features import TableColumn, TableFeatures, WordColumn
from ...export.portable.document import ModelDocument
from .task_view import about, caption, columns, task_view
from .words import percent, thresholds, verdict

MAX_CLASSES = 5  # shown, in addition to those in the prediction set


def model_view(document: ModelDocument, max_bytes: int, no_maps: str) -> dict[str, Any]:
    """Returns what the page shows about the model.

    Args:
        document: Document of the model.
        max_bytes: Maximum size of an image file.
        no_maps: Why there are no heat maps; empty if there are.
    """
    names = document.classes
    return {
        "name": printable(document.name),
        "about": about(document),
        "caption": caption(document),
        "columns": columns(document),
        "classes": [printable(name) for name in names],
        "warnings": [printable(each) for each in document.decisions.warnings],
        "not_for": [printable(each) for each in document.not_for],
        "fields": fields(document.columns),
        "max_bytes": max_bytes,
        "no_maps": no_maps,
    }


def fields(columns: TableFeatures | None) -> list[dict[str, Any]]:
    """Returns the form fields of the table columns: numbers or choices.

    Args:
        columns: Table columns that the model takes, or None.
    """
    return [] if columns is None else list(map(_field, columns.columns))


def _field(column: TableColumn) -> dict[str, Any]:
    choices = None
    if isinstance(column, WordColumn):
        words = [word for word in column.words if word]
        choices = [{"value": word, "label": printable(word)} for word in words]
    return {"name": column.name, "label": printable(column.name), "choices": choices}


def answer_view(answer: Mapping[str, Any], document: ModelDocument) -> dict[str, Any]:
    """Returns what the page shows for an image.

    Args:
        answer: Prediction for the image, from `export.portable.answers.describe`.
        document: Document of the model.

    Returns:
        `is_sure`, `verdict` and `why`; `classes`, the most probable first; `order`, the
        indices of all classes in this order; and `thresholds`.
    """
    if document.task != "classification":
        return task_view(answer, document)
    found = verdict(answer, document)
    probabilities = list(answer["probabilities"].values())
    order = sorted(range(len(probabilities)), key=lambda each: -probabilities[each])
    likely = set(answer["prediction_set"] or ())
    shown = [
        {
            "name": printable(document.classes[place]),
            "probability": probabilities[place],
            "percent": percent(probabilities[place]),
            "is_likely": document.classes[place] in likely,
        }
        for rank, place in enumerate(order)
        if rank < MAX_CLASSES or document.classes[place] in likely
    ]
    return {
        "is_sure": found.is_sure,
        "verdict": found.text,
        "why": found.why,
        "classes": shown,
        "order": order,
        "thresholds": list(thresholds(answer, document)),
    }
