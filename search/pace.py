"""Estimates the remaining time and disk space of a search."""

import os
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from ..core.run_layout import CHECKPOINTS_FOLDER, MODEL_FILE
from .choice import Keep
from .study import Study
from .tuning.oracles import number_of_trials


class Pace:
    """Measures the durations of trials.

    Args:
        clock: Returns the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began_at: dict[int, float] = {}
        self._seconds: list[float] = []
        self._most_at_a_time = 1

    @property
    def num_ended(self) -> int:
        """Number of trials that ended in this process."""
        return len(self._seconds)

    def begin(self, number: int) -> None:
        """Records that a trial has started."""
        self._began_at[number] = self._clock()
        self._most_at_a_time = max(self._most_at_a_time, len(self._began_at))

    def end(self, number: int) -> None:
        """Records that a trial has ended."""
        self._seconds.append(self._clock() - self._began_at.pop(number))

    def seconds_to_go(self, num_left: int, seconds_left: float | None) -> float | None:
        """Estimates the time of the remaining trials; None before the first has ended.

        Based on the median, because the first may compute features for all.

        Args:
            num_left: Number of trials that have not ended.
            seconds_left: Time after which none starts, or None.
        """
        if not self._seconds:
            return None
        median = statistics.median(self._seconds)
        whole = median * num_left / self._most_at_a_time
        return whole if seconds_left is None else min(whole, seconds_left + median)


def num_left(study: Study) -> int:
    """Returns the maximum number of trials that have not ended."""
    ended = sum(trial.status != "running" for trial in study.trials.values())
    return max(number_of_trials(study.oracle) - ended, 0)


def describe_rest(study: Study, pace: Pace, seconds_left: float | None) -> str:
    """Describes remaining trials and time, as the end of a line; empty if none are left."""
    left = num_left(study)
    seconds = pace.seconds_to_go(left, seconds_left)
    if not left or seconds is None:
        return ""
    return f" | at most {left} to go, about {describe_seconds(seconds)}"


def describe_disk(directory: Path, study: Study, keep: Keep) -> str:
    """Estimates the disk space of a search from the trials that have ended.

    Args:
        directory: Directory of the search.
        study: The study.
        keep: Which trials keep their weights, and whether one is refitted.
    """
    ended = [each for each in study.trials.values() if each.status != "running"]
    sizes = [_sizes(directory / each.name) for each in ended]
    if not sizes:
        return ""
    light = statistics.median(others for others, _ in sizes)
    heavy, runs = max(
        (weights, len(each.fold_scores) or 1)
        for (_, weights), each in zip(sizes, ended, strict=True)
    )
    refit = (light + heavy) / runs if keep.refits else 0.0
    total = light * (len(sizes) + num_left(study)) + heavy * keep.count + refit
    free = shutil.disk_usage(directory).free
    lacking = ", which is not enough" if total > free + sum(map(sum, sizes)) else ""
    parts = [
        f"{describe_bytes(light)} per trial",
        f"{describe_bytes(heavy)} for each that keeps weights",
        *([f"{describe_bytes(refit)} for the refit"] if keep.refits else []),
    ]
    return (
        f"about {describe_bytes(total)} on disk at the end: {', '.join(parts[:-1])}, and "
        f"{parts[-1]}; {describe_bytes(free)} free{lacking}"
    )


def describe_seconds(seconds: float) -> str:
    """Formats a duration.

    Example:
        >>> [describe_seconds(each) for each in (8.2, 400, 9000, 200_000)]
        ['8 s', '7 min', '2.5 h', '2.3 days']
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.1f} days"


def describe_bytes(size: float) -> str:
    """Formats a size in bytes.

    Example:
        >>> describe_bytes(94_371_840)
        '94.4 MB'
    """
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} TB"


def _sizes(run: Path) -> tuple[int, int]:
    """Returns the bytes of a run's weights, after the bytes of all other files.

    The weights of a backbone count although the checkpoints of all trials share them,
    because an exported model has a copy.
    """
    light = heavy = 0
    for folder, _, names in os.walk(run):
        for name in names:
            try:
                size = os.lstat(Path(folder, name)).st_size
            except OSError:  # removed by another worker meanwhile
                continue
            if CHECKPOINTS_FOLDER in Path(folder).parts or name == MODEL_FILE:
                heavy += size
            else:
                light += size
    return light, heavy
