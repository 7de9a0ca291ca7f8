"""The progress of the workers of a search.

A trial reports after each epoch to the process that runs it; its executor keeps the newest
report of each worker. Nothing waits for a report, and a lost one does no harm.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

from pydantic import Field

from .trials import TrialPlan

_Count = Annotated[int, Field(ge=0, le=10**9)]


class TrialProgress(NamedTuple):
    """The progress of a trial, in plain values that can be sent to any process.

    Attributes:
        epoch: Number of finished epochs.
        max_epochs: Maximum number of epochs.
        score: Best score so far, of this fold if there are folds; None before the first.
        fold: Number of the fold in training, from 1; 0 without folds.
    """

    epoch: _Count
    max_epochs: _Count
    score: Annotated[float, Field(allow_inf_nan=False)] | None = None
    fold: _Count = 0


@dataclass(frozen=True)
class WorkerStatus:
    """The state of a worker.

    Attributes:
        name: Its number on this machine, or its name in a cluster.
        plan: The current plan; None while it is idle.
        progress: The newest report.
        since: The `time.monotonic` time at which the plan started.
        heard_at: The `time.monotonic` time of its last message, if it is on another
            machine.
        restarts: How often its process was restarted.
    """

    name: str
    plan: TrialPlan | None = None
    progress: TrialProgress | None = None
    since: float = field(default_factory=time.monotonic)
    heard_at: float | None = None
    restarts: int = 0


Listener = Callable[[TrialProgress], None]
_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextlib.contextmanager
def reporting_to(listener: Listener) -> Iterator[None]:
    """Sends the reports of this thread's trials to a listener."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def report(progress: TrialProgress) -> None:
    """Reports the progress of this thread's trial to the listener, if there is one.

    Errors of the listener are ignored.
    """
    listener = _listener.get()
    if listener is not None:
        with contextlib.suppress(Exception):
            listener(progress)
