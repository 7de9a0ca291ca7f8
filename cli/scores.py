"""Prints the scores of models."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from ..core.counted import counted, counted_clause
from ..core.names import printable
from ..core.run_layout import TEST_FILE
from .console import show, show_table
from .task_scores import (
    in_digits,
    names_of_summary,
    show_label_scores,
    show_number_scores,
)

MOST_CLASSES = 50
_SUMMARY = ("accuracy", "balanced_accuracy", "macro_f1", "macro_roc_auc")


def show_scores(split: str, scores: dict[str, Any]) -> None:
    """Writes the scores of a model to standard output.

    Args:
        split: The name of the split.
        scores: Scores as in test.json.
    """
    if "per_label" in scores:
        show_label_scores(split, scores)
    elif "per_target" in scores:
        show_number_scores(split, scores)
    else:
        _show_class_scores(split, scores)


def _show_class_scores(split: str, scores: dict[str, Any]) -> None:
    show(f"{split}: {counted(scores['examples'], 'image')}, {_summary(scores)}")
    cleaned = scores.get("without_contradictory_images")
    if cleaned is not None:
        clause = "images that are also filed under another class"
        count = counted_clause(scores["contradictory_images"], clause)
        images = counted(cleaned["examples"], "image")
        show(f"{split} without the {count}: {images}, {_summary(cleaned)}")
        show(
            "Published scores on this data set can be higher: if classes are balanced with "
            "copies before the split, or contradictory images are used for training, a "
            "model is scored on images that it was trained on."
        )
    table = Table("class", "precision", "recall", "F1", "ROC-AUC", "images")
    for name, values in _weakest(scores["per_class"]):
        cells = [values[key] for key in ("precision", "recall", "f1", "roc_auc")]
        table.add_row(printable(name), *map(in_digits, cells), str(values["support"]))
    left = len(scores["per_class"]) - len(table.rows)
    if left:
        table.caption = f"the classes with the lowest F1; {left:,} more are in {TEST_FILE}"
    show_table(table)


def show_beside(columns: Mapping[str, dict[str, Any]]) -> None:
    """Writes the scores of several models side by side, each with its interval.

    Args:
        columns: Scores as in test.json, by the heading of their column.
    """
    table = Table("score", *map(printable, columns))
    for name in names_of_summary(next(iter(columns.values()))) or _SUMMARY:
        values = [_with_interval(scores, name) for scores in columns.values()]
        table.add_row(name.replace("_", " "), *values)
    show_table(table)


def _weakest(per_class: dict[str, dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Returns all classes in order, or if there are many, those with the lowest F1."""
    every = list(per_class.items())
    if len(every) <= MOST_CLASSES:
        return every
    return sorted(every, key=lambda item: item[1]["f1"] or 0.0)[:MOST_CLASSES]


def _summary(scores: dict[str, Any]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {_with_interval(scores, name)}" for name in _SUMMARY
    )


def _with_interval(scores: dict[str, Any], name: str) -> str:
    text = in_digits(scores[name])
    if name in scores.get("intervals", {}):
        low, high = scores["intervals"][name]
        text += f" [{in_digits(low)}, {in_digits(high)}]"
    return text
