"""What a search asks of whatever runs its trials, and how a signal stops it."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from ...core.signals import stop_signals
from ..progress import WorkerStatus
from ..trials import Outcome, TrialPlan


class Executor(Protocol):
    """Where trials run; a context that leaves nothing running."""

    @property
    def has_room(self) -> bool:
        """Whether another trial can begin."""

    @property
    def workers(self) -> Sequence[WorkerStatus]:
        """What each worker is at, as far as is known; may be read by any thread."""

    def begin(self, plan: TrialPlan) -> None:
        """Accepts a trial."""

    def wait(self) -> tuple[int, Outcome] | None:
        """Waits until a trial has ended: its number, and what came of it.

        None if there is room before that, which was not there when it was last asked for.
        """

    def __enter__(self) -> Any:
        """Begins."""

    def __exit__(self, *exception: object) -> None:
        """Ends what is still running."""


class Stopped(BaseException):
    """A signal came before a trial, or where it has no fit that would save its state."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Context that a signal ends; a fit has its own handlers in the meantime.

    Within another `stop_signals`, which remembers those that come before. So does it
    where Python loses what the handler raises, as it does in a `__del__`.

    Raises:
        Stopped: A signal came.
    """

    def stop(number: int) -> None:
        raise Stopped(number)

    with stop_signals(then=stop) as signals:
        if signals.received is not None:
            raise Stopped(int(signals.received))
        yield
