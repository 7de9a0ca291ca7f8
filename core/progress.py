"""Shows the progress of long work: a bar on a terminal, otherwise regular log lines."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from .console import PlainConsole, can_redraw, notify, uses_json

T = TypeVar("T")

SECONDS_BETWEEN_LINES = 10.0


def track(
    items: Iterable[T],
    description: str,
    total: int,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[T]:
    """Yields the items, showing the progress.

    Args:
        items: The items to yield.
        description: The activity, such as `"Reading images"`.
        total: The number of items.
        clock: Returns the time in seconds.
    """
    console = PlainConsole(file=sys.stderr)
    if uses_json() or not can_redraw(console):
        yield from _track_in_lines(items, description, total, clock)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield from progress.track(items, total=total, description=description)


def _track_in_lines(
    items: Iterable[T], description: str, total: int, clock: Callable[[], float]
) -> Iterator[T]:
    """Reports progress every ten seconds, and not at all for short work."""
    reported_at = clock()
    for number, item in enumerate(items, 1):
        yield item
        if clock() - reported_at >= SECONDS_BETWEEN_LINES:
            notify(f"{description}: {number:,} of {total:,}")
            reported_at = clock()
