"""Estimates the speed and the remaining time of a fit."""

from collections import deque
from collections.abc import Callable

from .run_state import RunState

WINDOW = 10  # number of records over which the speed is averaged


class TimeLeft:
    """Estimates the speed and the remaining time of a fit.

    Assumes that the time between two epochs (for validation and checkpoints) stays the
    same. Excludes the first step, which is compiled.

    Args:
        clock: Returns the time in seconds.

    Attributes:
        steps_per_second: The speed over the last records, or None if unknown.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.steps_per_second: float | None = None
        self._clock = clock
        self._records: deque[tuple[float, int]] = deque(maxlen=WINDOW)
        self._paused_at: float | None = None
        self._pause_seconds = 0.0

    def record(self, run: RunState) -> None:
        """Records the number of steps so far; called within an epoch."""
        self._paused_at = None
        self._records.append((self._clock(), run.step))
        (before, first), (now, last) = self._records[0], self._records[-1]
        if last > first and now > before:
            self.steps_per_second = (last - first) / (now - before)

    def pause(self, run: RunState) -> None:
        """Records that training pauses, for validation or at the end of an epoch."""
        seconds, steps = run.metrics.get("seconds"), run.steps_per_epoch
        if len(self._records) < 2 and seconds and steps:  # a short epoch
            self.steps_per_second = steps / seconds
        self._records.clear()
        if self._paused_at is None:
            self._paused_at = self._clock()

    def resume(self) -> None:
        """Records that an epoch begins."""
        if self._paused_at is not None:
            self._pause_seconds = self._clock() - self._paused_at
        self._paused_at = None

    def seconds(self, run: RunState) -> float | None:
        """Returns the seconds until `max_epochs` or `max_steps`; None if unknown."""
        steps = _steps_left(run)
        if steps is None or not self.steps_per_second:
            return None
        pauses = max(run.max_epochs - run.epoch, 0) if steps else 0
        return steps / self.steps_per_second + pauses * self._pause_seconds


def _steps_left(run: RunState) -> int | None:
    if run.steps_per_epoch is None:
        return None
    left = (run.max_epochs - run.epoch) * run.steps_per_epoch - run.epoch_step
    max_steps = run.settings.get("trainer", {}).get("max_steps")
    return max(left if max_steps is None else min(left, max_steps - run.step), 0)
