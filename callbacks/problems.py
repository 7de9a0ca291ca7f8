"""Tracks the current problems of a run by its events."""

from collections.abc import Iterable, Mapping
from typing import Any

from ..core.run_events import Event, EventKind
from .health_findings import ALL_REDUCE, INPUT

# Kinds of events that end a problem, by the kind that starts it.
ENDED_BY: dict[EventKind, EventKind] = {
    "stall": "stall_over",
    "worker_silent": "worker_back",
    "health": "recovered",
}
FLAGS = ("failure", "data", "stall", "all_reduce", "learning")

_FAILURES: tuple[EventKind, ...] = ("failure", "divergence", "worker_lost")
_BEGUN_BY = {end: begin for begin, end in ENDED_BY.items()}


class Problems:
    """The current problems of a run. Failures never end.

    Args:
        workers: Names of the other workers (see `worker_name`). Each has a flag.

    Example:
        >>> problems = Problems()
        >>> problems.record(Event("stall", "no step for 61 s", 270, 0.0, INPUT))
        True
        >>> [name for name, flag in problems.flags().items() if flag]
        ['data', 'stall']
        >>> problems.record(Event("stall_over", "steps resumed", 271, 9.0, INPUT))
        True
        >>> problems.standing
        []
    """

    def __init__(self, workers: Iterable[str] = ()) -> None:
        self._names = (*FLAGS, *workers)
        self._standing: dict[tuple[EventKind, str], Event] = {}

    def record(self, event: Event) -> bool:
        """Records an event; returns whether it starts or ends a problem."""
        begins = event.kind in ENDED_BY or event.kind in _FAILURES
        if begins:
            self._standing[event.kind, event.subject] = event
        elif event.kind in _BEGUN_BY:
            self._standing.pop((_BEGUN_BY[event.kind], event.subject), None)
        return begins or event.kind in _BEGUN_BY

    @property
    def standing(self) -> list[Event]:
        """The events that started the current problems."""
        return list(self._standing.values())

    def flags(self) -> dict[str, float]:
        """Returns 1 for each kind of problem, or worker, that is current, 0 for others."""
        raised = set[str]().union(*map(_flags_of_event, self._standing.values()))
        return {each: float(each in raised) for each in self._names}

    def state_dict(self) -> dict[str, Any]:
        """Returns the findings of `Health`; other problems do not outlive the process."""
        found = [each.as_dict() for each in self.standing if each.kind == "health"]
        return {"standing": found}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores the result of `state_dict`."""
        for each in state["standing"]:
            self.record(Event(**each))


def worker_name(rank: int) -> str:
    """Returns the name of a worker for flags and subjects of events.

    Example:
        >>> worker_name(1)
        'worker_1'
    """
    return f"worker_{rank}"


def _flags_of_event(event: Event) -> set[str]:
    if event.kind in _FAILURES:
        return {"failure"}
    if event.kind == "stall":
        return {"stall", "data"} if event.subject == INPUT else {"stall"}
    if event.kind == "worker_silent":
        return {event.subject}
    return {{INPUT: "data", ALL_REDUCE: "all_reduce"}.get(event.subject, "learning")}
