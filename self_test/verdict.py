"""Verdicts of checks."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["passed", "slow", "failed", "not measured"]
# The worst first: one failed check breaks a promise, even if others pass.
STATUSES: tuple[Status, ...] = ("failed", "slow", "passed", "not measured")


@dataclass(frozen=True)
class Verdict:
    """The result of a check.

    Attributes:
        status: `"failed"` if a result is wrong or the check did not end, `"slow"` if
            results are right but take longer than promised.
        summary: The result, or the reason why there is none, in words.
        figures: Measured JSON values, by names that include the unit.

    Example:
        >>> Verdict("slow", "3.1 ms a step", {"step_milliseconds": 3.1}).status
        'slow'
    """

    status: Status
    summary: str
    figures: Mapping[str, Any] = field(default_factory=dict)


NO_TIME = Verdict("not measured", "time")


def worst(statuses: Sequence[Status]) -> Status:
    """Returns the status of a promise from the statuses of all its checks.

    Example:
        >>> worst(["passed", "not measured", "slow"]), worst([])
        ('slow', 'not measured')
    """
    return min(statuses, key=STATUSES.index, default="not measured")


def pass_or_fail(is_right: bool, summary: str, figures: Mapping[str, Any]) -> Verdict:
    """Returns a verdict that is passed or failed.

    Example:
        >>> pass_or_fail(float("nan") <= 0.1, "differ by nan, at most 0.1", {}).status
        'failed'
    """
    return Verdict("passed" if is_right else "failed", summary, figures)


def pass_or_slow(is_fast: bool, summary: str, figures: Mapping[str, Any]) -> Verdict:
    """Returns a verdict that is passed or slow."""
    return Verdict("passed" if is_fast else "slow", summary, figures)


def spread(values: Sequence[float]) -> float:
    """Returns the spread of repeated measurements: half their range over their median.

    Example:
        >>> spread([1.0, 2.0, 3.0])
        0.5
    """
    return (max(values) - min(values)) / 2 / statistics.median(values)
