"""Shows the progress panel in the last lines of a terminal, below all other output."""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

from rich.console import Console
from rich.file_proxy import FileProxy
from rich.live import Live

from ..core.console import silence
from .panel_content import panel_of
from .run_state import RunState
from .time_left import TimeLeft


class TerminalPanel:
    """Draws the panel on each call, without a thread of its own.

    All other output appears above it. The cursor stays visible, because a process that is
    killed could not show it again.

    Args:
        console: A terminal.
        clock: Returns the time in seconds.
    """

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._console = console
        self._time = TimeLeft(clock)
        self._values: dict[str, float] = {}
        self._lock = threading.RLock()  # events are reported from any thread
        is_stderr = console.file is sys.stderr
        self._live = Live(
            console=console,
            auto_refresh=False,
            redirect_stdout=is_stderr and sys.stdout.isatty(),
            redirect_stderr=is_stderr,
            vertical_overflow="crop",
        )
        with self._locked_terminal():
            self._live.start()
            console.show_cursor(True)

    def begin_epoch(self, run: RunState) -> None:
        """Shows the first step of an epoch, or the step that it is resumed from."""
        self._time.resume()
        self._draw(run)

    def update(self, run: RunState, values: Mapping[str, float]) -> None:
        """Shows the newest step of an epoch, and the training metrics up to it."""
        self._values = dict(values)
        self._time.record(run)
        self._draw(run, _speed(run, self._time.steps_per_second))

    def begin_validation(self, run: RunState) -> None:
        """Shows that validation has begun."""
        self._time.pause(run)
        self._draw(run, "validating")

    def end_epoch(self, run: RunState) -> None:
        """Shows the values of an epoch."""
        self._time.pause(run)
        names = self._values or [n for n in run.metrics if f"val_{n}" in run.metrics]
        self._values = {n: run.metrics[n] for n in names if n in run.metrics}
        self._draw(run, is_epoch_over=True)

    def write(self, line: str) -> None:
        """Writes a line above the panel."""
        with self._locked_terminal():
            self._console.print(line, soft_wrap=True, markup=False, emoji=False)

    def close(self, is_kept: bool) -> None:
        """Stops drawing and releases the terminal.

        Args:
            is_kept: Whether the panel stays visible.
        """
        with self._locked_terminal():
            for stream in (sys.stdout, sys.stderr):
                if isinstance(stream, FileProxy):
                    stream.flush()  # writes an incomplete line
            self._live.transient = not is_kept
            self._live.stop()

    def _draw(
        self, run: RunState, activity: str = "", *, is_epoch_over: bool = False
    ) -> None:
        seconds = self._time.seconds(run)
        panel = panel_of(run, self._values, activity, seconds, is_epoch_over)
        with self._locked_terminal():
            self._live.update(panel, refresh=True)

    @contextmanager
    def _locked_terminal(self) -> Iterator[None]:
        """Locks the terminal; a closed terminal does not end training."""
        with self._lock:
            try:
                yield
            except OSError:
                silence(self._console.file)


@runtime_checkable
class _HasImages(Protocol):
    """Image data with a known batch size."""

    image_size: Any
    batch_size: int


def _speed(run: RunState, steps_per_second: float | None) -> str:
    if steps_per_second is None:
        return ""
    if isinstance(run.data, _HasImages):
        return f"{run.data.batch_size * steps_per_second:,.0f} images/s"
    return f"{steps_per_second:,.1f} steps/s"
