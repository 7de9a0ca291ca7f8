"""The result of a check."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["passed", "slow", "failed", "not measured"]
# The worst first: one broken measurement breaks a promise that others keep.
STATUSES: tuple[Status, ...] = ("failed", "slow", "passed", "not measured")


@dataclass(frozen=True)
class Verdict:
    """The result of a check.

    Attributes:
        status: `"failed"` where a result is wrong or the check could not end, `"slow"`
            where results are right and take longer than is promised.
        summary: The result, or why nothing did, in words.
        figures: What was measured, by names that hold the unit; JSON can hold them.

    Example:
        >>> Verdict("slow", "3.1 ms a step", {"step_milliseconds": 3.1}).status
        'slow'
    """

    status: Status
    summary: str
    figures: Mapping[str, Any] = field(default_factory=dict)


NO_TIME = Verdict("not measured", "time")


def worst(statuses: Sequence[Status]) -> Status:
    """The status of a promise, from those of all its checks.

    Example:
        >>> worst(["passed", "not measured", "slow"]), worst([])
        ('slow', 'not measured')
    """
    return min(statuses, key=STATUSES.index, default="not measured")


def right_if(is_right: bool, summary: str, figures: Mapping[str, Any]) -> Verdict:
    """Passed or failed.

    Example:
        >>> right_if(float("nan") <= 0.1, "differ by nan, at most 0.1", {}).status
        'failed'
    """
    return Verdict("passed" if is_right else "failed", summary, figures)


def fast_if(is_fast: bool, summary: str, figures: Mapping[str, Any]) -> Verdict:
    """Passed or slow."""
    return Verdict("passed" if is_fast else "slow", summary, figures)


def spread(values: Sequence[float]) -> float:
    """How far measurements of one thing lie apart: half their range by their median.

    Example:
        >>> spread([1.0, 2.0, 3.0])
        0.5
    """
    return (max(values) - min(values)) / 2 / statistics.median(values)
