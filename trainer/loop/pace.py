"""Chooses the number of steps per call to the devices."""

from typing import Literal

TARGET_SECONDS = 0.1
MOST_STEPS = 256


class Pace:
    """Chooses the number of steps of the next call.

    Args:
        steps_per_execution: A fixed number, or `"auto"` for calls of about 0.1 seconds:
            long enough to hide Python's overhead, short enough for a smooth progress bar
            and a quick reaction to stop requests.

    Example:
        >>> pace = Pace("auto")
        >>> pace.record(steps=1, seconds=0.01)  # not counted, because it traces
        >>> pace.record(steps=1, seconds=0.01)
        >>> pace.steps
        2
    """

    def __init__(self, steps_per_execution: Literal["auto"] | int) -> None:
        self.is_fixed = steps_per_execution != "auto"
        self.steps = 1 if steps_per_execution == "auto" else steps_per_execution
        self._calls = 0

    def record(self, steps: int, seconds: float) -> None:
        """Records the duration of a call and adapts `steps`.

        `steps` at most doubles from call to call, since early calls are slow.
        """
        self._calls += 1
        if self.is_fixed or self._calls == 1:
            return
        wanted = int(TARGET_SECONDS * steps / max(seconds, 1e-9))
        self.steps = max(1, min(wanted, 2 * self.steps, MOST_STEPS))
