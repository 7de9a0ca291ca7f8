"""Runs trials in this process, one after the other."""

import contextlib
from collections.abc import Iterator
from typing import Self

from ..core.signals import stop_signals
from .trials import FitTrial, Outcome, TrialPlan, run_trial


class Stopped(BaseException):
    """A signal came before a trial, or where it has no fit that would save its state."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class InProcess:
    """Runs one trial at a time, here.

    Args:
        fit: Trains as planned.
        objective: Name of the metric that is the score.
    """

    def __init__(self, fit: FitTrial, objective: str) -> None:
        self._fit = fit
        self._objective = objective
        self._plans: list[TrialPlan] = []
        self._signals = stop_signals()

    def __enter__(self) -> Self:
        self._signals.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._signals.__exit__(None, None, None)

    @property
    def has_room(self) -> bool:
        """Whether another trial can begin."""
        return not self._plans

    def begin(self, plan: TrialPlan) -> None:
        """Takes a trial on."""
        self._plans.append(plan)

    def wait(self) -> tuple[int, Outcome]:
        """Runs the trial to its end.

        Returns:
            Its number, and what came out.

        Raises:
            Stopped: A signal has come since the last one, or while there was no fit.
        """
        plan = self._plans.pop()
        with stopped_by_signals():
            return plan.number, run_trial(self._fit, plan, self._objective)


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Lets a signal end what is going on; a fit has handlers of its own meanwhile.

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
