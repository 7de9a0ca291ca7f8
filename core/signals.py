"""Remembers signals that ask a process to stop, so that it can stop in good order."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


class StopSignal:
    """Which signal has come, if any.

    Attributes:
        received: The first signal, or None.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None

    def handle(self, number: int) -> None:
        """Remembers the first signal; leaves at once on a second one."""
        if self.received is not None:
            os._exit(128 + number)
        self.received = signal.Signals(number)


_open: list[StopSignal] = []  # of each `stop_signals` that is open in the main thread


@contextlib.contextmanager
def stop_signals(then: Callable[[int], None] | None = None) -> Iterator[StopSignal]:
    """Catches SIGINT, SIGTERM, SIGUSR1 and SIGUSR2 for a while.

    Outside the main thread, where Python allows no handlers, nothing is caught. Handlers
    that were there before are put back. One within another hands out the same object: a
    search knows of a signal that came too late for the fit within it, and a fit of one
    that came before it began.

    Args:
        then: Is called in the handler, with the signal's number. What it raises is lost
            if the process is in a `__del__`; that the signal came is not.

    Yields:
        Where to look whether one has come.

    Example:
        >>> with stop_signals() as stop:
        ...     signal.raise_signal(signal.SIGTERM)
        ...     stop.received.name
        'SIGTERM'
    """
    if threading.current_thread() is not threading.main_thread():
        yield StopSignal()
        return
    stop = _open[-1] if _open else StopSignal()

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        stop.handle(number)
        if then is not None:
            then(number)

    before = {number: signal.signal(number, handle) for number in STOPPING}
    _open.append(stop)
    try:
        yield stop
    finally:
        _open.pop()
        for number, handler in before.items():
            signal.signal(number, handler)
