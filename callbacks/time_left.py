"""How fast training is, and when it will end."""

from collections import deque
from collections.abc import Callable

from .run_state import RunState

WINDOW = 10  # looks over which the speed is averaged


class TimeLeft:
    """Estimates the speed and the remaining time of a fit.

    The time between two epochs (validation, checkpoints) is taken to be that of the last
    time. The first step, which is compiled, comes before the first look.

    Args:
        clock: Returns the time in seconds.

    Attributes:
        steps_per_second: The speed over the last looks, or None if it is not known.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.steps_per_second: float | None = None
        self._clock = clock
        self._looks: deque[tuple[float, int]] = deque(maxlen=WINDOW)
        self._paused_at: float | None = None
        self._pause_seconds = 0.0

    def look(self, run: RunState) -> None:
        """Records the number of steps so far; called within an epoch."""
        self._paused_at = None
        self._looks.append((self._clock(), run.step))
        (before, first), (now, last) = self._looks[0], self._looks[-1]
        if last > first and now > before:
            self.steps_per_second = (last - first) / (now - before)

    def pause(self, run: RunState) -> None:
        """Records that training pauses, for validation or at the end of an epoch."""
        seconds, steps = run.metrics.get("seconds"), run.steps_per_epoch
        if len(self._looks) < 2 and seconds and steps:  # a short epoch
            self.steps_per_second = steps / seconds
        self._looks.clear()
        if self._paused_at is None:
            self._paused_at = self._clock()

    def resume(self) -> None:
        """Records that an epoch begins."""
        if self._paused_at is not None:
            self._pause_seconds = self._clock() - self._paused_at
        self._paused_at = None

    def seconds(self, run: RunState) -> float | None:
        """Seconds until `max_epochs` or `max_steps`; None if that is not known."""
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
