"""A callback that keeps all events, for tests of what is reported."""

from typing import Any

from keraunos.callbacks import Callback, CallbackList, RunState
from keraunos.core.run_events import Event


class Heard(Callback):
    """Keeps all events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def on_event(self, run: RunState, event: Event) -> None:
        self.events.append(event)

    @property
    def kinds(self) -> list[str]:
        return [each.kind for each in self.events]


def listening(run: RunState, *callbacks: Callback) -> Any:
    """Connects callbacks to the events of a run; returns the run."""
    CallbackList({f"{n}": each for n, each in enumerate(callbacks)}).listen(run)
    return run
