"""The interface of executors, and how signals stop them."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from ...core.signals import stop_signals
from ..progress import WorkerStatus
from ..trials import Outcome, TrialPlan


class Executor(Protocol):
    """Runs trials; a context manager that leaves nothing running on exit."""

    @property
    def has_room(self) -> bool:
        """Whether another trial can start."""

    @property
    def workers(self) -> Sequence[WorkerStatus]:
        """The last known status of each worker; can be read from any thread."""

    def begin(self, plan: TrialPlan) -> None:
        """Accepts a trial."""

    def wait(self) -> tuple[int, Outcome] | None:
        """Waits until a trial has ended; returns its number and outcome.

        Returns None if `has_room` has become true before.
        """

    def __enter__(self) -> Any:
        """Starts the executor."""

    def __exit__(self, *exception: object) -> None:
        """Ends everything that is still running."""


class Stopped(BaseException):
    """Raised for a signal while no fit is running that would save its state."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raises `Stopped` in the context when a signal is received.

    A fit within the context has its own handlers. Must be used within another
    `stop_signals`, which records signals received before, and those whose exception Python
    discards, as in a `__del__`.

    Raises:
        Stopped: A signal was received.
    """

    def stop(number: int) -> None:
        raise Stopped(number)

    with stop_signals(then=stop) as signals:
        if signals.received is not None:
            raise Stopped(int(signals.received))
        yield
