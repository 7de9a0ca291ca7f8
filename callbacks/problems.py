"""What is wrong with a run at the moment, as its events tell."""

from collections.abc import Mapping
from typing import Any

from ..core.run_events import Event, EventKind
from .health_findings import ALL_REDUCE, INPUT

# Which kind of event says that a problem is over, by the kind that says that it has begun.
ENDED_BY: dict[EventKind, EventKind] = {
    "stall": "stall_over",
    "worker_silent": "worker_back",
    "health": "recovered",
}
FLAGS = ("failure", "data", "stall", "worker", "all_reduce", "learning")

_FAILURES: tuple[EventKind, ...] = ("failure", "divergence", "worker_lost")
_BEGUN_BY = {end: begin for begin, end in ENDED_BY.items()}


class Problems:
    """The current problems of a run; a failure never ends.

    Example:
        >>> problems = Problems()
        >>> problems.take(Event("stall", "no step for 61 s", 270, 0.0, INPUT))
        True
        >>> [name for name, flag in problems.flags().items() if flag]
        ['data', 'stall']
        >>> problems.take(Event("stall_over", "steps resumed", 271, 9.0, INPUT))
        True
        >>> problems.standing
        []
    """

    def __init__(self) -> None:
        self._standing: dict[tuple[EventKind, str], Event] = {}

    def take(self, event: Event) -> bool:
        """Whether an event is the beginning or the end of a problem, which it notes."""
        begins = event.kind in ENDED_BY or event.kind in _FAILURES
        if begins:
            self._standing[event.kind, event.subject] = event
        elif event.kind in _BEGUN_BY:
            self._standing.pop((_BEGUN_BY[event.kind], event.subject), None)
        return begins or event.kind in _BEGUN_BY

    @property
    def standing(self) -> list[Event]:
        """The events with which they began."""
        return list(self._standing.values())

    def flags(self) -> dict[str, float]:
        """By kind of problem: 1 if there is one, otherwise 0."""
        raised = set[str]().union(*map(_flags, self._standing.values()))
        return {each: float(each in raised) for each in FLAGS}

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run takes over: findings. Its workers and its data are new."""
        found = [each.as_dict() for each in self.standing if each.kind == "health"]
        return {"standing": found}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores the result of `state_dict`."""
        for each in state["standing"]:
            self.take(Event(**each))


def _flags(event: Event) -> set[str]:
    if event.kind in _FAILURES:
        return {"failure"}
    if event.kind == "stall":
        return {"stall", "data"} if event.subject == INPUT else {"stall"}
    if event.kind == "worker_silent":
        return {"worker"}
    return {{INPUT: "data", ALL_REDUCE: "all_reduce"}.get(event.subject, "learning")}
