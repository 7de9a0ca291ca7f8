"""Runs trials in this process, one after the other."""

from contextlib import AbstractContextManager
from typing import Self

from ..core.signals import StopSignal, stop_signals
from .trials import FitTrial, Outcome, TrialPlan, run_trial


class Stopped(BaseException):
    """A signal came where no fit was running that would have saved its state."""

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
        self._signals = signals_that_raise()

    def __enter__(self) -> Self:
        self._stop = self._signals.__enter__()
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
        """
        plan = self._plans.pop()
        raise_if_received(self._stop)
        return plan.number, run_trial(self._fit, plan, self._objective)


def signals_that_raise() -> AbstractContextManager[StopSignal]:
    """Lets a signal end what is going on; a fit has handlers of its own meanwhile."""

    def stop(number: int) -> None:
        raise Stopped(number)

    return stop_signals(then=stop)


def raise_if_received(stop: StopSignal) -> None:
    """Ends what is going on if a signal has come, and what it raised was lost.

    Python loses what is raised in a `__del__`; and a fit that was at its end when the
    signal came has ended as if there had been none.
    """
    if stop.received is not None:
        raise Stopped(int(stop.received))
