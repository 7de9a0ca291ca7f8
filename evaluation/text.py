"""Numbers in sentences and tables."""

from collections.abc import Mapping
from typing import Any


def with_interval(scores: Mapping[str, Any], name: str, digits: int = 2) -> str | None:
    """A score with its interval, or None where it was not measured.

    Args:
        scores: Scores by name, with their `intervals`.
        name: Which.
        digits: After the point.

    Example:
        >>> with_interval({"f1": 0.5, "intervals": {"f1": [0.25, 0.75]}}, "f1")
        '0.50 [0.25, 0.75]'
    """
    value = scores.get(name)
    if value is None:
        return None
    text = f"{value:.{digits}f}"
    ends = scores.get("intervals", {}).get(name)
    return text + (f" [{ends[0]:.{digits}f}, {ends[1]:.{digits}f}]" if ends else "")
