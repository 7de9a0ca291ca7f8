"""What happens to a run beside its numbers: each event with a word for people.

Whoever notices something reports an `Event`; `Events` hands it to whoever listens, at
once and from whichever thread noticed it.
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
    """Something that happened to a run.

    Attributes:
        kind: One of `KINDS`.
        text: What happened, in one sentence.
        step: Finished steps when it was noticed.
        time: Seconds since 1970 when it was noticed.
        subject: What it is about, so that an event that ends a problem can be matched with
            the one that reported it: a finding, a worker, or what is awaited. May be empty.

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
        """Its attributes by name: JSON values."""
        return asdict(self)


class Events:
    """Forwards events in the order in which they were reported, one at a time.

    What is reported before anybody listens is kept until then. Reporting never waits: an
    event that comes while another one is handed on, in this thread or a different one,
    follows it there.

    Example:
        >>> events, seen = Events(), []
        >>> events.report(Event("resumed", "from step 4", step=4, time=0.0))
        >>> events.listen(seen.append)
        >>> [each.text for each in seen]
        ['from step 4']
    """

    def __init__(self) -> None:
        self._waiting: deque[Event] = deque()
        self._handing_on = threading.Lock()
        self._hear: Callable[[Event], None] | None = None

    def report(self, event: Event) -> None:
        """Reports an event, from any thread."""
        self._waiting.append(event)
        self._hand_on()

    def listen(self, hear: Callable[[Event], None]) -> None:
        """Forwards all events from now on to a function, which must not raise."""
        self._hear = hear
        self._hand_on()

    def settle(self) -> None:
        """Waits until what was reported by now is handed on, also by another thread."""
        while self._waiting and self._hear is not None:
            with self._handing_on:
                self._hand_on_waiting(self._hear)
        with self._handing_on:
            pass

    def _hand_on(self) -> None:
        # Again, as the other thread may just have found that there is nothing more.
        while self._waiting and self._hear is not None:
            if not self._handing_on.acquire(blocking=False):
                return
            try:
                self._hand_on_waiting(self._hear)
            finally:
                self._handing_on.release()

    def _hand_on_waiting(self, hear: Callable[[Event], None]) -> None:
        while self._waiting:
            hear(self._waiting.popleft())
