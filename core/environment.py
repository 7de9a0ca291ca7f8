"""What surrounds a process: numbers of environment variables, and CPUs."""

import math
import os
from pathlib import Path

from .errors import ConfigError, message


def number_of(
    variable: str,
    default: float,
    unit: str,
    at_least: float = 0.0,
    at_most: float = 1e9,
    is_whole: bool = False,
) -> float:
    """Reads a number from the environment.

    Args:
        variable: Its name.
        default: Where it is not set, or empty.
        unit: What the number counts, such as `"seconds"`, if it counts anything.
        at_least: Smallest number that is taken.
        at_most: Largest one.
        is_whole: Whether it must be a whole number.

    Raises:
        ConfigError: It is no such number.

    Example:
        >>> number_of("KERAUNOS_SURELY_NOT_SET", 20.0, "gigabytes")
        20.0
    """
    text = os.environ.get(variable, "").strip()
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if at_least <= number <= at_most and (number.is_integer() or not is_whole):
        return number
    kind = "whole number" if is_whole else "number"
    counted = f" of {unit}" if unit else ""
    limits = f"{kind}{counted} from {at_least:g} to {at_most:g}"
    raise ConfigError(
        message(
            f"${variable} must be a {limits}.",
            "Unset it for the default.",
            **{variable: text},
        )
    )


def usable_cpus(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """How many CPUs this process may use, by its affinity and its container's limit.

    Args:
        quota: Where Linux tells the microseconds of CPU that a container has in a period.
    """
    cpus = len(os.sched_getaffinity(0))
    try:
        allowed, period = map(int, quota.read_text().split())
    except (OSError, ValueError):  # there is none, or "max"
        return cpus
    return max(1, min(cpus, math.ceil(allowed / period)))
