"""Formats numbers for sentences and tables."""

from collections.abc import Mapping
from typing import Any

# Shown for an interval with equal ends, which would look like certainty.
NO_WIDTH = "all draws equal"


def with_interval(scores: Mapping[str, Any], name: str, digits: int = 2) -> str | None:
    """Formats a score with its interval; None if it was not measured.

    Args:
        scores: Scores by name, with their `intervals`.
        name: Name of the score.
        digits: Number of decimal places.

    Example:
        >>> with_interval({"f1": 0.5, "intervals": {"f1": [0.25, 0.75]}}, "f1")
        '0.50 [0.25, 0.75]'
        >>> with_interval({"auc": 1.0, "intervals": {"auc": [1.0, 1.0]}}, "auc")
        '1.00 [all draws equal]'
        >>> with_interval({"saved": -1e-9}, "saved")
        '0.00'
    """
    value = scores.get(name)
    if value is None:
        return None
    ends = scores.get("intervals", {}).get(name)
    text, *interval = (f"{each:z.{digits}f}" for each in [value, *(ends or ())])
    if ends and ends[0] == ends[1]:
        return f"{text} [{NO_WIDTH}]"
    return f"{text} [{', '.join(interval)}]" if interval else text
