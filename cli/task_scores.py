"""Prints the scores of multi-label and regression models."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from ..core.names import printable
from .console import show, show_table

_LABEL_SUMMARY = ("mean_average_precision", "macro_f1", "macro_roc_auc", "exact_match")
_NUMBER_SUMMARY = ("mean_absolute_error", "root_mean_squared_error", "r2")
MOST_ROWS = 50


def names_of_summary(scores: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the names of the main scores of the task; empty for classification."""
    if "per_label" in scores:
        return _LABEL_SUMMARY
    return _NUMBER_SUMMARY if "per_target" in scores else ()


def show_label_scores(split: str, scores: dict[str, Any]) -> None:
    """Prints the scores of a multi-label model.

    Args:
        split: The name of the split.
        scores: The result of `multi_label_scores`.
    """
    show(f"{split}: {scores['images']} images, {_summary(scores, _LABEL_SUMMARY)}")
    names = ("average_precision", "roc_auc", "precision", "recall", "f1", "threshold")
    heads = ("average precision", "ROC-AUC", "precision", "recall", "F1", "threshold")
    table = Table("label", *heads, "images")
    for label, values in list(scores["per_label"].items())[:MOST_ROWS]:
        cells = (in_digits(values[name]) for name in names)
        table.add_row(printable(label), *cells, str(values["support"]))
    show_table(table)


def show_number_scores(split: str, scores: dict[str, Any]) -> None:
    """Prints the scores of a regression model.

    Args:
        split: The name of the split.
        scores: The result of `NumberPredictions.scores`.
    """
    show(f"{split}: {scores['images']} images, {_summary(scores, _NUMBER_SUMMARY)}")
    names = (*_NUMBER_SUMMARY, "median_absolute_error", "bias")
    heads = ("mean error", "root mean square", "R2", "median error", "bias")
    table = Table("number", *heads, "interval")
    for target, values in list(scores["per_target"].items())[:MOST_ROWS]:
        cells = (in_digits(values[name]) for name in names)
        table.add_row(printable(target), *cells, _interval(values))
    show_table(table)


def _interval(values: dict[str, Any]) -> str:
    if values["interval_half_width"] is None:
        return "-"
    width = f"{values['interval_half_width']:.4g}"
    aim, held = values["interval_aim"], values["interval_coverage"]
    return f"±{width} holds {held:.0%} (aim {aim:.0%})"


def _summary(scores: dict[str, Any], names: tuple[str, ...]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {_with_interval(scores, name)}" for name in names
    )


def _with_interval(scores: dict[str, Any], name: str) -> str:
    text = in_digits(scores[name])
    if name in scores["intervals"]:
        low, high = scores["intervals"][name]
        text += f" [{in_digits(low)}, {in_digits(high)}]"
    return text


def in_digits(value: float | None) -> str:
    """Formats a score for a table; `-` if there is none.

    Example:
        >>> in_digits(0.51234), in_digits(1234.5678), in_digits(None)
        ('0.512', '1235', '-')
    """
    if value is None:
        return "-"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.4g}"
