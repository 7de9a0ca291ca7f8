"""Events of a run, such as checkpoints, stalls and failures.

Any thread can report an `Event`; `Events` forwards it to the listener immediately, in the
thread that reported it.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

EventKind = Literal[
    "resumed",
    "checkpoint",
    "phase",
    "learning_rate",
    "plateau",
    "early_stopping",
    "stall",
    "stall_over",
    "worker_silent",
    "worker_back",
    "worker_lost",
    "worker_restarted",
    "health",
    "recovered",
    "monitor",
    "divergence",
    "failure",
    "interrupted",
    "end",
]
KINDS: tuple[EventKind, ...] = get_args(EventKind)


@dataclass(frozen=True)
class Event:
    """An event of a run.

    Attributes:
        kind: One of `KINDS`.
        text: A description in one sentence.
        step: Number of finished steps at the time of the event.
        time: Time of the event in seconds since 1970.
        subject: What the event is about, to match the end of a problem with its start: a
            finding, a worker, or what a stalled run waits for. May be empty.

    Example:
        >>> Event("stall", "no step for 60 s", step=12, time=0.0).kind
        'stall'
    """

    kind: EventKind
    text: str
    step: int
    time: float
    subject: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"An event is one of {', '.join(KINDS)}; not {self.kind!r}.")

    def as_dict(self) -> dict[str, Any]:
        """Returns the attributes by name, as JSON values."""
        return asdict(self)


class Events:
    """Forwards events to a listener one at a time, in the order of their reports.

    Events that are reported before `listen` is called are queued. Reporting never waits: an
    event that is reported while another one is being forwarded, in this thread or a
    different one, is forwarded after it in the thread of the other.

    Example:
        >>> events, seen = Events(), []
        >>> events.report(Event("resumed", "from step 4", step=4, time=0.0))
        >>> events.listen(seen.append)
        >>> [each.text for each in seen]
        ['from step 4']
    """

    def __init__(self) -> None:
        self._waiting: deque[Event] = deque()
        self._forwarding = threading.Lock()
        self._listener: Callable[[Event], None] | None = None

    def report(self, event: Event) -> None:
        """Reports an event, from any thread."""
        self._waiting.append(event)
        self._forward()

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Forwards all queued and future events to a function, which must not raise."""
        self._listener = listener
        self._forward()

    def settle(self) -> None:
        """Waits until all events reported so far are forwarded, also by other threads."""
        while self._waiting and self._listener is not None:
            with self._forwarding:
                self._forward_waiting(self._listener)
        with self._forwarding:
            pass

    def _forward(self) -> None:
        # Loops, because the other thread may just have found the queue empty.
        while self._waiting and self._listener is not None:
            if not self._forwarding.acquire(blocking=False):
                return
            try:
                self._forward_waiting(self._listener)
            finally:
                self._forwarding.release()

    def _forward_waiting(self, listener: Callable[[Event], None]) -> None:
        while self._waiting:
            listener(self._waiting.popleft())
