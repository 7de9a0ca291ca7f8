"""Records signals that request a stop, so that the process can stop cleanly."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


class StopSignal:
    """The signal that was received, if any.

    Attributes:
        received: The first signal, or None.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None

    def handle(self, number: int) -> None:
        """Records the first signal; exits immediately on a second one."""
        if self.received is not None:
            os._exit(128 + number)
        self.received = signal.Signals(number)


_open: list[StopSignal] = []  # one per active `stop_signals` block of the main thread


@contextlib.contextmanager
def stop_signals(then: Callable[[int], None] | None = None) -> Iterator[StopSignal]:
    """Catches SIGINT, SIGTERM, SIGUSR1 and SIGUSR2 within the block.

    Outside the main thread, where Python allows no handlers, catches nothing. Restores
    earlier handlers afterwards. Nested blocks yield the same object: a search sees a signal
    that arrived too late for the fit in it, and a fit sees one that arrived before it.

    Args:
        then: Called in the handler with the number of the signal. An exception that it
            raises in a `__del__` is lost; the signal is recorded in any case.

    Yields:
        An object that records the first signal.

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
