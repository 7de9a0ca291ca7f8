"""Remembers signals that ask a process to stop, so that it can stop in good order."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


class StopSignal:
    """Which signal has come, if any; a handler does no more than set it.

    Attributes:
        received: The first signal, or None.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Remembers the first signal; leaves at once on a second one."""
        del frame
        if self.received is not None:
            os._exit(128 + number)
        self.received = signal.Signals(number)


@contextlib.contextmanager
def stop_signals() -> Iterator[StopSignal]:
    """Catches SIGINT, SIGTERM, SIGUSR1 and SIGUSR2 for a while.

    Outside the main thread, where Python allows no handlers, nothing is caught. Handlers
    that were there before are put back.

    Yields:
        Where to look whether one has come.

    Example:
        >>> with stop_signals() as stop:
        ...     signal.raise_signal(signal.SIGTERM)
        ...     stop.received.name
        'SIGTERM'
    """
    stop = StopSignal()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.handle) for number in STOPPING}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
