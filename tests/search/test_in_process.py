"""Signals end the trials of this process, also where Python loses what they raise."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from keraunos.core.signals import stop_signals
from keraunos.search.in_process import InProcess, Stopped
from keraunos.search.trials import TrialPlan

PLAN = TrialPlan(0, {"values": {}}, Path("trial-000"))


class Sends:
    """Sends a signal when it is freed, where Python ignores all that is raised."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What was raised in vain."""
    seen: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda each: seen.append(each.exc_value))
    yield seen
    assert [type(each) for each in seen] == [Stopped]


def never(plan: TrialPlan) -> Any:
    raise AssertionError("no trial was to begin")


def test_a_signal_ends_a_trial_that_has_not_begun_to_fit() -> None:
    def fit(plan: TrialPlan) -> Any:
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("it was to be stopped")

    with InProcess(fit, "loss") as executor:
        executor.begin(PLAN)
        with pytest.raises(Stopped) as stopped:
            executor.wait()
    assert stopped.value.number == signal.SIGINT


def test_a_signal_between_trials_leaves_notes_whole_and_begins_no_other() -> None:
    with InProcess(never, "loss") as executor:
        signal.raise_signal(signal.SIGTERM)  # while a journal is written, say
        executor.begin(PLAN)
        with pytest.raises(Stopped) as stopped:
            executor.wait()
    assert stopped.value.number == signal.SIGTERM


def test_a_signal_that_was_lost_within_a_trial_ends_its_fit(lost: list[Any]) -> None:
    seen = []

    def fit(plan: TrialPlan) -> Any:
        Sends()  # while the data are read, say
        with stop_signals() as stop:
            seen.append(stop.received)
        raise LookupError("its end makes no difference here")

    with InProcess(fit, "loss") as executor:
        executor.begin(PLAN)
        executor.wait()
    assert seen == [signal.SIGTERM]


def test_a_signal_that_comes_too_late_for_a_fit_ends_the_search() -> None:
    def fit(plan: TrialPlan) -> Any:
        with stop_signals():
            signal.raise_signal(signal.SIGUSR2)  # it looks for none any more
        raise LookupError("its end makes no difference here")

    with InProcess(fit, "loss") as executor, contextlib.suppress(LookupError):
        executor.begin(PLAN)
        executor.wait()
        executor.begin(PLAN)
        with pytest.raises(Stopped) as stopped:
            executor.wait()
    assert stopped.value.number == signal.SIGUSR2
