"""Runs the self-test."""

import signal
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..core.console import notify
from ..core.errors import ConfigError, SelfTestError, message
from ..core.signals import stop_signals
from .check import Check, CheckSettings
from .device_layout import DeviceLayout
from .plan import Job, find_jobs, slowdown, time_limit
from .registry import CHECKS
from .report import Row, SelfTestReport
from .run_check import CHECKS as CHECKS_FOLDER
from .run_check import run_check
from .verdict import NO_TIME, Verdict

_LEAST_MINUTES = 1.0
_MACHINE_SECONDS = 60.0


def selftest(
    minutes: float = 5.0,
    *,
    checks: Sequence[Check] = CHECKS,
    on_row: Callable[[Row], None] | None = None,
) -> SelfTestReport:
    """Tests the promises of the README on this machine and its devices.

    Every check runs in its own process: on all GPUs, on one, or on one split in two;
    without GPUs, on a CPU split in two. No check needs a network, weights or data, and
    nothing is left on the disk. Call it from a process that does not use a GPU.

    Args:
        minutes: Time limit of the self-test, at least 1. Checks beyond it are skipped.
        checks: Checks to run, the most important first.
        on_row: Called with each row as soon as it is known; by default, a line is
            written to standard error.

    Returns:
        A row for each check, and a verdict for each promise.

    Raises:
        ConfigError: `minutes` is less than 1.
        SelfTestError: TensorFlow can't be started.

    Example:
        >>> import keraunos as kr
        >>> report = kr.selftest(minutes=10)  # doctest: +SKIP
        >>> report.require_passed()  # doctest: +SKIP
    """
    if not minutes >= _LEAST_MINUTES:
        raise ConfigError(
            message("`minutes` must be at least 1.", "Try minutes=5.", minutes=minutes)
        )
    started = time.monotonic()
    with stop_signals(then=_exit):
        machine = describe_machine()
        rows = []
        slower = slowdown(machine["start_seconds"])
        for job in find_jobs(checks, machine, minutes):
            left = 60 * minutes - (time.monotonic() - started)
            rows.append(_run(job, left, slower))
            (on_row or _notify)(rows[-1])
    return SelfTestReport(
        machine, rows, minutes, f"{datetime.now(UTC):%Y-%m-%d}", time.monotonic() - started
    )


def describe_machine() -> Mapping[str, Any]:
    """Returns the figures of `machine.measure`, which runs in a process of its own.

    Raises:
        SelfTestError: TensorFlow can't be started.
    """
    started = time.monotonic()
    cpu_only = CheckSettings(DeviceLayout("CPU"))
    found = _in_folder(f"{__package__}.machine", cpu_only, _MACHINE_SECONDS)
    if found.status != "passed":
        raise SelfTestError(
            message(
                "TensorFlow must start on this machine.",
                "Try `python -c 'import tensorflow'`.",
                reason=found.summary,
            )
        )
    return {**found.figures, "start_seconds": time.monotonic() - started}


def _run(job: Job, seconds_left: float, slower: float) -> Row:
    check, settings = job
    limit = time_limit(check, seconds_left, slower)
    started = time.monotonic()
    verdict = NO_TIME
    if limit is not None:
        module = check.module if "." in check.module else f"{CHECKS_FOLDER}.{check.module}"
        verdict = _in_folder(module, settings, limit.seconds)
        if limit.is_end and time.monotonic() - started >= limit.seconds:
            verdict = NO_TIME
    return Row(
        check.name,
        check.promise,
        settings.layout.describe(),
        verdict,
        time.monotonic() - started,
    )


def _exit(number: int) -> None:
    """Ends the process with an exception, so that the folder of a check is removed."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def _in_folder(module: str, settings: CheckSettings, limit_seconds: float) -> Verdict:
    with tempfile.TemporaryDirectory(prefix="keraunos-") as folder:
        return run_check(module, replace(settings, folder=Path(folder)), limit_seconds)


def _notify(row: Row) -> None:
    verdict = row.verdict
    notify(f"{row.name} on {row.devices}: {verdict.status} ({verdict.summary})")
