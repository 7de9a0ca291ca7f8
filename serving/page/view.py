"""What the page is told: of the model once, and of each image."""

from collections.abc import Mapping
from typing import Any

from ...core.names import printable
from ...core.table_features import TableColumn, TableFeatures, WordColumn
from ...export.portable.document import ModelDocument
from .task_view import about, caption, columns, task_view
from .words import percent, thresholds, verdict

MOST_CLASSES = 5  # shown, and those besides that may be right


def model_view(document: ModelDocument, max_bytes: int, no_maps: str) -> dict[str, Any]:
    """What the page says of the model.

    Args:
        document: Of the model.
        max_bytes: That an image may have.
        no_maps: Why there are no maps of what speaks for a class; empty if there are.
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
    """What the page asks for beside an image: a number, or one of some choices.

    Args:
        columns: That the model takes.
    """
    return [] if columns is None else list(map(_field, columns.columns))


def _field(column: TableColumn) -> dict[str, Any]:
    choices = None
    if isinstance(column, WordColumn):
        words = [word for word in column.words if word]
        choices = [{"value": word, "label": printable(word)} for word in words]
    return {"name": column.name, "label": printable(column.name), "choices": choices}


def answer_view(answer: Mapping[str, Any], document: ModelDocument) -> dict[str, Any]:
    """What the page says of an image.

    Args:
        answer: Of the image, by `export.portable.answers.describe`.
        document: Of the model.

    Returns:
        `is_sure`, `verdict` and `why`; `classes`, the likeliest first, with the places of
        all of them in `order`; `thresholds`.
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
        if rank < MOST_CLASSES or document.classes[place] in likely
    ]
    return {
        "is_sure": found.is_sure,
        "verdict": found.text,
        "why": found.why,
        "classes": shown,
        "order": order,
        "thresholds": list(thresholds(answer, document)),
    }
