"""The report of a self-test, for Python and as anonymous JSON."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..core.errors import SelfTestError, message
from .anonymous import anonymous
from .verdict import NO_TIME, Status, Verdict, worst

SCHEMA = "keraunos-selftest"
SCHEMA_VERSION = 1  # raised when a name changes its meaning or is removed


class Row(NamedTuple):
    """The result of one check.

    Attributes:
        name: Name of the check.
        promise: The promise that it tests.
        devices: Description of the devices.
        verdict: The result.
        seconds: Duration of the check.
    """

    name: str
    promise: str
    devices: str
    verdict: Verdict
    seconds: float


@dataclass(frozen=True)
class SelfTestReport:
    """The results of a self-test.

    Attributes:
        machine: Versions, processor, memory and GPUs.
        rows: One row per check.
        minutes: Time limit of the self-test.
        date: Date of its end in UTC: `2026-11-29`.
        seconds: Duration of the self-test.
    """

    machine: Mapping[str, Any]
    rows: Sequence[Row]
    minutes: float
    date: str
    seconds: float

    @property
    def promises(self) -> dict[str, Status]:
        """Each promise, with the worst status among its checks."""
        found: dict[str, list[Status]] = {}
        for row in self.rows:
            found.setdefault(row.promise, []).append(row.verdict.status)
        return {promise: worst(statuses) for promise, statuses in found.items()}

    @property
    def failed(self) -> list[Row]:
        """The rows of failed checks."""
        return [row for row in self.rows if row.verdict.status == "failed"]

    @property
    def without_time(self) -> int:
        """Number of checks that were skipped for lack of time."""
        return sum(row.verdict == NO_TIME for row in self.rows)

    def require_passed(self) -> None:
        """Raises if a check failed; slow or skipped checks are accepted.

        Raises:
            SelfTestError: At least one check failed.
        """
        if self.failed:
            raise SelfTestError(
                message(
                    "All promises must hold on this machine.",
                    "Please open an issue and attach the JSON of the self-test.",
                    **{row.name: row.verdict.summary for row in self.failed},
                )
            )

    def to_json(self) -> dict[str, Any]:
        """Returns JSON values that do not reveal the machine or its user."""
        content = {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "date": self.date,
            "minutes": self.minutes,
            "seconds": round(self.seconds, 1),
            "machine": dict(self.machine),
            "promises": self.promises,
            "checks": [_to_json(row) for row in self.rows],
        }
        cleaned: dict[str, Any] = _cleaned(content)
        return cleaned


def _to_json(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "promise": row.promise,
        "devices": row.devices,
        "status": row.verdict.status,
        "summary": row.verdict.summary,
        "seconds": round(row.seconds, 1),
        "figures": dict(row.verdict.figures),
    }


def _cleaned(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _cleaned(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(each) for each in value]
    if isinstance(value, float):  # JSON has no NaN
        return float(f"{value:.4g}") if math.isfinite(value) else str(value)
    return anonymous(value) if isinstance(value, str) else value
