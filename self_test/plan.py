"""Plans which checks run on a machine, and for how long."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from .check import Check, CheckSettings
from .device_layout import DeviceLayout, find_layout

# A check that exceeds its expected time by this factor counts as hanging.
PATIENCE = 3.0
# Time to describe the machine on which the durations of checks were measured.
USUAL_START_SECONDS = 6.0
LONG_MINUTES = 10


class Job(NamedTuple):
    """A check with its settings for this machine."""

    check: Check
    settings: CheckSettings


@dataclass(frozen=True)
class TimeLimit:
    """The time limit of a check.

    Attributes:
        seconds: Seconds until the check is ended.
        is_end: Whether the whole self-test ends then. If so, exceeding the limit is not a
            failure of the check.
    """

    seconds: float
    is_end: bool


def find_jobs(
    checks: Sequence[Check], machine: Mapping[str, Any], minutes: float
) -> list[Job]:
    """Finds the checks for which a machine has the devices, in order.

    Args:
        checks: All checks.
        machine: Description by `machine.measure`.
        minutes: Time for all checks together.
    """
    gpus = machine["gpus"]
    memory = min((gpu["memory_mib"] or 0 for gpu in gpus), default=0)
    jobs = []
    for check in checks:
        layout = find_layout(check.where, len(gpus), memory)
        if layout is not None:
            settings = _choose_settings(layout, minutes)
            jobs.append(Job(check, replace(settings, options=check.options)))
    return jobs


def _choose_settings(layout: DeviceLayout, minutes: float) -> CheckSettings:
    """Chooses the amount of work: enough to keep a GPU busy, and bearable for a CPU."""
    epochs = 5 if minutes >= LONG_MINUTES else 3
    if layout.kind == "GPU":
        return CheckSettings(layout, image_size=224, batch_size=64, steps=20, epochs=epochs)
    return CheckSettings(layout, image_size=64, batch_size=16, steps=3, epochs=epochs)


def slowdown(start_seconds: float) -> float:
    """Estimates how many times slower a machine is than the one on which checks were timed.

    The square root is taken because a busy machine or disk slows starting more than
    computing.

    Example:
        >>> slowdown(24.0), slowdown(1.0)
        (2.0, 1.0)
    """
    return math.sqrt(max(start_seconds / USUAL_START_SECONDS, 1.0))


def time_limit(check: Check, seconds_left: float, slower: float) -> TimeLimit | None:
    """Returns the time limit of a check; None if it would not end in time.

    Args:
        check: The next check.
        seconds_left: Time until the end of the self-test.
        slower: Factor by which this machine is slower; see `slowdown`.

    Example:
        >>> check = Check("a", "b", "c", "one", seconds=10)
        >>> time_limit(check, 100, 1.0), time_limit(check, 20, 1.0)
        (TimeLimit(seconds=30.0, is_end=False), TimeLimit(seconds=20, is_end=True))
        >>> time_limit(check, 20, slower=2.5)
    """
    if check.seconds * slower > seconds_left:
        return None
    patience = PATIENCE * check.seconds * slower
    if patience < seconds_left:
        return TimeLimit(patience, is_end=False)
    return TimeLimit(seconds_left, is_end=True)
