"""Formats the events of a run for TensorBoard's page Text."""

import re
import time
from collections.abc import Iterable

from ..core.names import visible
from ..core.run_events import Event

MOST_EVENTS = 50  # TensorBoard shows the newest text first, and keeps ten

_MARKDOWN = re.compile(r"([\\`*_{}\[\]#|])")


def event_list(events: Iterable[Event], standing: Iterable[Event]) -> str:
    r"""Formats current problems, then all events, newest first, as Markdown.

    Uses lists, because TensorBoard breaks words in narrow columns of a table.

    Args:
        events: The events in chronological order.
        standing: The events that started the current problems.

    Example:
        >>> stall = Event("stall", "no step for 60 s", step=7, time=0.0)
        >>> print(event_list([stall], [stall]))
        **Wrong now:**
        <BLANKLINE>
        - **stall**: no step for 60 s *(1970-01-01 00:00:00 UTC, step 7)*
        <BLANKLINE>
        **All events, newest first:**
        <BLANKLINE>
        - **stall**: no step for 60 s *(1970-01-01 00:00:00 UTC, step 7)*
    """
    wrong = [_item(each) for each in standing]
    now = ["**Wrong now:**", "", *wrong] if wrong else ["**Nothing is known to be wrong.**"]
    history = [_item(each) for each in reversed(list(events))]
    return "\n".join([*now, "", "**All events, newest first:**", "", *history])


def _item(event: Event) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(event.time))
    text = _MARKDOWN.sub(r"\\\1", visible(event.text))
    kind = event.kind.replace("_", " ")
    return f"- **{kind}**: {text} *({when} UTC, step {event.step})*"
