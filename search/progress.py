"""What the workers of a search are at: a trial reports, whoever shows it reads.

A trial reports after each epoch to the process that runs it; its executor keeps the newest
report of each worker. Nothing waits for a report, and one that is lost is missed by nobody.
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
    """How far a trial is: plain values, so that any process can be told.

    Attributes:
        epoch: Epochs that are done.
        max_epochs: How many there will be at most.
        score: The best so far, of this fold if there are folds; None before the first.
        fold: Which is trained, from 1 on; 0 without folds.
    """

    epoch: _Count
    max_epochs: _Count
    score: Annotated[float, Field(allow_inf_nan=False)] | None = None
    fold: _Count = 0


@dataclass(frozen=True)
class WorkerStatus:
    """What a worker is at.

    Attributes:
        name: Its number on this machine, or its name in a cluster.
        plan: What it does; None if it waits.
        progress: The newest report on it.
        since: When it began, by `time.monotonic`.
        heard_at: When it was last heard of, if it is on another machine.
        restarts: How often its process was started again.
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
    """Within it, trials of this thread report there."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def report(progress: TrialProgress) -> None:
    """Reports how far the trial of this thread is, if anybody listens.

    Whatever goes wrong with that, the trial goes on.
    """
    listener = _listener.get()
    if listener is not None:
        with contextlib.suppress(Exception):
            listener(progress)
