"""Events of a run as a table for TensorBoard's page Text."""

import time
from collections.abc import Iterable

from ..core.names import visible
from ..core.run_events import Event

MOST_EVENTS = 50  # TensorBoard shows the newest text first, and keeps ten


def events_table(events: Iterable[Event]) -> str:
    r"""A table in Markdown, the newest event first.

    Args:
        events: In the order in which they came.

    Example:
        >>> print(events_table([Event("stall", "no step | for 60 s", step=7, time=0.0)]))
        | when (UTC) | step | what | |
        | --- | --- | --- | --- |
        | 1970-01-01 00:00:00 | 7 | stall | no step \| for 60 s |
    """
    head = "| when (UTC) | step | what | |\n| --- | --- | --- | --- |"
    return "\n".join([head, *map(_row, reversed(list(events)))])


def _row(event: Event) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(event.time))
    text = visible(event.text).replace("|", "\\|")
    return f"| {when} | {event.step} | {event.kind.replace('_', ' ')} | {text} |"
