"""Shows the progress of predictions: a bar on a terminal, log lines elsewhere."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from ..core.console import PlainConsole, can_redraw, notify, uses_json
from ..core.errors import KeraunosError
from ..core.progress import SECONDS_BETWEEN_LINES

DESCRIPTION = "Predicting"


class Counter(threading.Thread):
    """Counts items in the background, so that work on them can start at once.

    Attributes:
        total: Number of items; None until it is known.
    """

    def __init__(self, items: Iterable[object]) -> None:
        super().__init__(daemon=True, name="keraunos-counting")
        self._items = items
        self._is_wanted = True
        self.total: int | None = None

    def run(self) -> None:
        """Counts the items."""
        count = 0
        with contextlib.suppress(KeraunosError, OSError):  # the reader reports it
            for _ in self._items:
                count += 1
                if not self._is_wanted:
                    return
            self.total = count

    def stop(self) -> None:
        """Ends the count."""
        self._is_wanted = False


class Meter:
    """Shows the progress of a stream.

    Args:
        done: Number of images that were already predicted.
        counter: Counts all images; None if their number can't be known.
        clock: Returns the time in seconds.
    """

    def __init__(
        self,
        done: int = 0,
        counter: Counter | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._done = self._begun_with = done
        self._counter = counter
        self._clock = clock
        self._began_at = self._reported_at = clock()
        console = PlainConsole(file=sys.stderr)
        self._bar = None
        if can_redraw(console) and not uses_json():
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[speed]}"),
                TimeRemainingColumn(),
            )
            self._bar = Progress(*columns, console=console, transient=True)
            self._task = self._bar.add_task(
                DESCRIPTION, total=None, completed=done, speed=""
            )

    def __enter__(self) -> Self:
        if self._counter is not None:
            self._counter.start()
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._counter is not None:
            self._counter.stop()
        if self._bar is not None:
            self._bar.stop()

    def add(self, count: int) -> None:
        """Adds `count` predicted images, and updates the display."""
        self._done += count
        if self._bar is not None:
            self._bar.update(
                self._task, completed=self._done, total=self._total(), speed=self._speed()
            )
        elif self._clock() - self._reported_at >= SECONDS_BETWEEN_LINES:
            total = self._total()
            of = "" if total is None else f" of {total:,}"
            notify(f"{DESCRIPTION}: {self._done:,}{of} images, {self._speed()}")
            self._reported_at = self._clock()

    def _total(self) -> int | None:
        return None if self._counter is None else self._counter.total

    def _speed(self) -> str:
        seconds = max(self._clock() - self._began_at, 1e-9)
        return f"{(self._done - self._begun_with) / seconds:,.0f} a second"
