"""Runs periodic work in its own thread."""

import threading
from collections.abc import Callable

from ..core.console import notify


class Ticker:
    """Calls a function at regular intervals, in its own thread, until it is stopped.

    If the function raises an error, this is shown and the function is not called again:
    monitoring never ends a run.

    Args:
        name: Name in error messages.
        seconds: Seconds between two calls.
        do: The function to call.

    Example:
        >>> ticker = Ticker("watch", 60.0, lambda: None)
        >>> ticker.stop()
    """

    def __init__(self, name: str, seconds: float, do: Callable[[], None]) -> None:
        self._name, self._seconds, self._do = name, seconds, do
        self._is_over = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"keraunos-{name}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stops the calls; when it returns, the function is not called again."""
        self._is_over.set()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=self._seconds + 5.0)  # unless its disk hangs

    def _run(self) -> None:
        while not self._is_over.wait(self._seconds):
            try:
                self._do()
            except Exception as error:
                notify(f"{self._name} failed ({error!r}); training continues without it")
                return
