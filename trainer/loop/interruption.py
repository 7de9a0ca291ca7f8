"""Interrupts a fit on a signal, or shortly before its time limit."""

import time
from collections.abc import Callable
from signal import Signals

from ...core.counted import counted
from ...core.signals import StopSignal
from ...strategies import ALONE, Workers


class Interrupted(Exception):  # noqa: N818 - like KeyboardInterrupt, no error
    """Raised when a fit must stop at once; its state is then saved.

    Attributes:
        reason: `"interrupted"`, or a text about the time limit.
        signal: The number of the signal, or None.
    """

    def __init__(self, reason: str, signal: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.signal = signal

    @property
    def cause(self) -> str:
        """The signal or the time limit that interrupted the fit, in words."""
        return (
            self.reason
            if self.signal is None
            else f"stopped by {Signals(self.signal).name}"
        )


class Interruption:
    """Decides between two calls to the devices whether to stop.

    Args:
        stop: Records received signals.
        max_seconds: Time limit of the fit in seconds, or None.
        clock: Returns the time in seconds.
        workers: The workers, which stop together.

    Attributes:
        save_seconds: Seconds that the last checkpoint took to write, which are reserved for
            the next one.
    """

    def __init__(
        self,
        stop: StopSignal,
        max_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        workers: Workers = ALONE,
    ) -> None:
        self._workers = workers
        self._stop = stop
        self._max_seconds = max_seconds
        self._clock = clock
        self._started = self._checked = clock()
        self.save_seconds = 1.0

    def check(self) -> None:
        """Raises `Interrupted` if the fit must stop. All workers must call this.

        Raises:
            Interrupted: A worker has received a signal, or the remaining time may not
                suffice for another call and a checkpoint.
        """
        for reason in self._workers.gather(self._reason()):
            if reason is not None:
                raise Interrupted(*reason)

    def _reason(self) -> tuple[str, int | None] | None:
        now = self._clock()
        since_last, self._checked = now - self._checked, now
        if self._stop.received is not None:
            return "interrupted", int(self._stop.received)
        if self._max_seconds is None:
            return None
        left = self._started + self._max_seconds - now
        if left < since_last + self.save_seconds:
            limit = counted(int(self._max_seconds), "second")
            return f"max_time of {limit} is nearly over", None
        return None
