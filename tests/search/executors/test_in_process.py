"""Signals end the trials of this process, even if Python loses their exceptions."""

import contextlib
import itertools
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dying_trials import begin_trial
from keraunos.core.signals import stop_signals
from keraunos.search.executors.executor import Stopped
from keraunos.search.executors.in_process import InProcess
from keraunos.search.trials import TrialPlan
from programs import Program

PLAN = TrialPlan(0, {"values": {}}, Path("trial-000"))


class Sends:
    """Sends a signal when it is freed, where Python ignores exceptions."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)


@pytest.fixture
def lost_exceptions(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Exceptions that Python ignored."""
    seen: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda each: seen.append(each.exc_value))
    yield seen
    assert [type(each) for each in seen] == [Stopped]


def never(plan: TrialPlan) -> Any:
    raise AssertionError("no trial was to begin")


def test_signal_before_fit_stops_the_trial() -> None:
    def fit(plan: TrialPlan) -> Any:
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("it was to be stopped")

    with InProcess(fit, "loss") as executor:
        executor.begin(PLAN)
        with pytest.raises(Stopped) as stopped:
            executor.wait()
    assert stopped.value.number == signal.SIGINT


def test_signal_between_trials_prevents_the_next_trial() -> None:
    with InProcess(never, "loss") as executor:
        signal.raise_signal(signal.SIGTERM)  # while a journal is written, say
        executor.begin(PLAN)
        with pytest.raises(Stopped) as stopped:
            executor.wait()
    assert stopped.value.number == signal.SIGTERM


def test_signal_whose_exception_was_lost_still_stops_the_fit(
    lost_exceptions: list[Any],
) -> None:
    seen = []

    def fit(plan: TrialPlan) -> Any:
        Sends()  # while the data is read, say
        with stop_signals() as stop:
            seen.append(stop.received)
        raise LookupError("its end makes no difference here")

    with InProcess(fit, "loss") as executor:
        executor.begin(PLAN)
        executor.wait()
    assert seen == [signal.SIGTERM]


def test_signal_too_late_for_a_fit_stops_the_search() -> None:
    def fit(plan: TrialPlan) -> Any:
        with stop_signals():
            signal.raise_signal(signal.SIGUSR2)  # the fit no longer checks for signals
        raise LookupError("its end makes no difference here")

    with InProcess(fit, "loss") as executor, contextlib.suppress(LookupError):
        executor.begin(PLAN)
        executor.wait()
        executor.begin(PLAN)
        with pytest.raises(Stopped) as stopped:
            executor.wait()
    assert stopped.value.number == signal.SIGUSR2


@pytest.mark.slow
def test_trial_that_repeatedly_kills_its_process_is_marked_failed(tmp_path: Path) -> None:
    logs = (tmp_path / f"{number}.log" for number in itertools.count())

    def begin(how: str) -> tuple[int, str]:
        program = Program(begin_trial, tmp_path / "trial-000", how, output=next(logs))
        return program.end(), program.output

    killed = (-signal.SIGKILL, "")
    assert [begin("dies") for _ in range(2)] == [killed] * 2
    assert begin("is stopped") == (128 + signal.SIGTERM, "")  # not counted as a death
    assert [begin("saves and dies") for _ in range(4)] == [killed] * 4  # with progress
    assert [begin("dies") for _ in range(3)] == [killed] * 3
    assert begin("dies") == (0, "failed: its process died, 3 times\n")
    assert begin("fails") == (0, "failed: LookupError: no reason to begin again\n")
    assert not list(tmp_path.glob(".*"))
