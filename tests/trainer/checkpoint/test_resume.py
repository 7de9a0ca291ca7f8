"""A run that is interrupted anywhere and continued ends as if it had not been."""

import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from resumable_runs import EPOCHS, STEPS, Sender, assert_equal, fit, read, state

LAST = EPOCHS * STEPS
STEPS_BETWEEN, FIVE_STEPS = (3, 6, 9, 10), (1, 4, 5, 8, 11)
assert {2, 7, LAST, *STEPS_BETWEEN, *FIVE_STEPS} == set(range(1, LAST + 1))


def slow(value: Any) -> Any:
    return pytest.param(value, marks=pytest.mark.slow)


def nightly(value: Any) -> Any:
    return pytest.param(value, marks=pytest.mark.nightly)


def interrupt_after(steps: Iterable[int], directory: Path) -> None:
    """Sends a signal after each of the steps, of one run that continues in between."""
    for step in steps:
        sender = Sender("on_train_step_end", step)
        result = fit(directory, sender)
        assert sender.sent == 1
        assert (result.stop_reason, result.signal) == ("interrupted", signal.SIGTERM)
        assert not result.is_finished
        assert read(directory / "checkpoints" / "last.txt").startswith(f"step-{step:08d}")


@pytest.mark.feature("signals", "data position", "steps continue")
@pytest.mark.parametrize(
    "steps", [slow((2,)), slow((7,)), slow((LAST,)), nightly(STEPS_BETWEEN)], ids=str
)
def test_signal_after_any_step_does_not_change_the_result(
    steps: tuple[int, ...], whole: Any, tmp_path: Path
) -> None:
    interrupt_after(steps, tmp_path)
    assert fit(tmp_path).is_finished
    assert_equal(state(tmp_path), whole())


@pytest.mark.slow
def test_rebuilt_and_retraced_model_resumes_bit_identically(
    whole: Any, tmp_path: Path
) -> None:
    """As in its own process: the other tests here share a model and its trace."""
    interrupt_after([7], tmp_path)
    assert fit(tmp_path, fresh=True).is_finished
    assert_equal(state(tmp_path), whole())


@pytest.mark.nightly
def test_five_interruptions_do_not_change_the_result(whole: Any, tmp_path: Path) -> None:
    interrupt_after(FIVE_STEPS, tmp_path)
    assert fit(tmp_path).is_finished
    assert_equal(state(tmp_path), whole())


@pytest.mark.feature("signals")
@pytest.mark.parametrize(
    "hook",
    [
        "on_validation_begin",
        slow("on_epoch_end"),
        nightly("on_epoch_begin"),
        nightly("on_validation_end"),
    ],
)
def test_signal_in_any_phase_does_not_change_the_result(
    hook: str, whole: Any, tmp_path: Path
) -> None:
    sender = Sender(hook, at_step=2 * STEPS)
    assert fit(tmp_path, sender).signal == signal.SIGTERM
    assert sender.sent == 1
    assert fit(tmp_path).is_finished
    assert_equal(state(tmp_path), whole())


@pytest.mark.feature("whole state")
@pytest.mark.parametrize(
    "optimizer",
    [slow("accumulation"), slow("EMA"), slow("loss scale"), nightly("schedule")],
)
def test_every_kind_of_state_is_restored(
    optimizer: str, whole: Any, tmp_path: Path
) -> None:
    fit(tmp_path, Sender("on_train_step_end", STEPS + 2), optimizer=optimizer)
    fit(tmp_path, optimizer=optimizer)
    assert_equal(state(tmp_path), whole(optimizer))


@pytest.mark.nightly
def test_run_on_two_replicas_resumes_bit_identically(whole: Any, tmp_path: Path) -> None:
    fit(tmp_path, Sender("on_train_step_end", STEPS + 1), count=2)
    fit(tmp_path, count=2)
    assert_equal(state(tmp_path), whole(count=2))
