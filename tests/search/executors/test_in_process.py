"""Signals end the trials of this process, also where Python loses what they raise."""

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
        Sends()  # while the data is read, say
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


@pytest.mark.slow
def test_a_trial_that_ends_its_process_again_and_again_is_marked(tmp_path: Path) -> None:
    logs = (tmp_path / f"{number}.log" for number in itertools.count())

    def begin(how: str) -> tuple[int, str]:
        program = Program(begin_trial, tmp_path / "trial-000", how, output=next(logs))
        return program.end(), program.output

    killed = (-signal.SIGKILL, "")
    assert [begin("dies") for _ in range(2)] == [killed] * 2
    assert begin("is stopped") == (128 + signal.SIGTERM, "")  # which is no death
    assert [begin("saves and dies") for _ in range(4)] == [killed] * 4  # it gets further
    assert [begin("dies") for _ in range(3)] == [killed] * 3
    assert begin("dies") == (0, "failed: its process died, 3 times\n")
    assert begin("fails") == (0, "failed: LookupError: no reason to begin again\n")
    assert not list(tmp_path.glob(".*"))
