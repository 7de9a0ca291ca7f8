"""Reads numbers from environment variables, and the number of usable CPUs."""

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
        variable: Name of the environment variable.
        default: Value if the variable is unset or empty.
        unit: Unit for the error message, such as `"seconds"`; may be empty.
        at_least: Minimum value.
        at_most: Maximum value.
        is_whole: Whether it must be a whole number.

    Raises:
        ConfigError: The variable does not contain such a number.

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
    """Returns the number of CPUs allowed by the process affinity and the container limit.

    Args:
        quota: The file with the CPU time of the container per period, in microseconds.
    """
    cpus = len(os.sched_getaffinity(0))
    try:
        allowed, period = map(int, quota.read_text().split())
    except (OSError, ValueError):  # no such file, or no limit: "max"
        return cpus
    return max(1, min(cpus, math.ceil(allowed / period)))
