"""A fit that is asked to stop saves its state, returns and restores signal handlers."""

import signal
import threading
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from helpers import classifier, contents, replicas
from keraunos import Module, Trainer
from keraunos.callbacks import Callback
from keraunos.core.signals import STOPPING, StopSignal
from keraunos.trainer.loop.interruption import Interrupted, Interruption
from programs import Program, wait_for
from resumable_runs import (
    EPOCHS,
    STEPS,
    Sender,
    assert_equal,
    dataset,
    fit,
    fit_until_ended,
    read,
    state,
)

NIGHTLY = pytest.mark.nightly


class Clock:
    """Advances only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_check_passes_without_a_signal_or_time_limit() -> None:
    clock = Clock()
    interruption = Interruption(StopSignal(), None, clock)
    clock.now += 1e9
    interruption.check()


@pytest.mark.parametrize("number", STOPPING)
def test_interruption_reports_the_received_signal(number: signal.Signals) -> None:
    stop = StopSignal()
    interruption = Interruption(stop)
    interruption.check()
    stop.handle(number)
    with pytest.raises(Interrupted) as caught:
        interruption.check()
    assert (caught.value.reason, caught.value.signal) == ("interrupted", number)
    assert caught.value.cause == f"stopped by {number.name}"


@pytest.mark.parametrize(
    ("call_seconds", "save_seconds", "calls"), [(1.0, 2.0, 7), (1.0, 0.5, 8), (3.0, 1.0, 2)]
)
def test_max_time_reserves_one_call_and_one_checkpoint(
    call_seconds: float, save_seconds: float, calls: int
) -> None:
    clock = Clock()
    interruption = Interruption(StopSignal(), 10.0, clock)
    interruption.save_seconds = save_seconds
    for _ in range(calls):
        clock.now += call_seconds
        interruption.check()
    clock.now += call_seconds
    with pytest.raises(Interrupted, match="max_time of 10 seconds") as caught:
        interruption.check()
    assert caught.value.signal is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        *(pytest.param(n, marks=NIGHTLY) for n in STOPPING if n != signal.SIGTERM),
    ],
)
def test_interrupted_fit_without_run_dir_returns_a_partial_result(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    sender = Sender("on_train_step_end", STEPS + 1, number)
    trainer = Trainer(strategy=replicas(1), max_epochs=EPOCHS, callbacks=[sender])
    result = trainer.fit(classifier(), dataset(), validation_data=dataset(seed=1))
    assert sender.sent == 1
    assert (result.stop_reason, result.signal) == ("interrupted", number)
    assert result.exit_code == 128 + number
    said = f"interrupted: stopped by {number.name}; nothing is saved without run_dir\n"
    assert said in capsys.readouterr().err
    assert not result.is_finished
    assert len(result.history["val_loss"]) == 1
    assert result.model.predict(np.zeros((2, 5)), verbose=0).shape == (2, 3)


@pytest.mark.slow
def test_signal_during_validation_does_not_wait_for_it_to_finish(tmp_path: Path) -> None:
    sender = Sender("on_validation_begin", STEPS)
    assert fit(tmp_path, sender).signal
    assert sender.sent == 1
    assert read(tmp_path / "checkpoints" / "last.txt") == "step-00000004-mid-epoch"
    assert not (tmp_path / "metrics.jsonl").exists()


def test_signal_handlers_are_restored_when_fit_returns(tmp_path: Path) -> None:
    mine = lambda number, frame: None  # noqa: E731
    before = {number: signal.signal(number, mine) for number in STOPPING}
    try:
        assert fit(tmp_path, Sender("on_train_step_end", 1), max_epochs=1).signal
        assert [signal.getsignal(number) for number in STOPPING] == [mine] * 4
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_fit_outside_the_main_thread_leaves_signal_handlers_alone(tmp_path: Path) -> None:
    before = {number: signal.getsignal(number) for number in STOPPING}
    seen: list[Any] = []

    class Look(Callback):
        every_n_steps = None

        def on_epoch_end(self, run: Any) -> None:
            seen.append({number: signal.getsignal(number) for number in STOPPING})

    thread = threading.Thread(
        target=lambda: seen.append(fit(tmp_path, Look(), max_epochs=1).is_finished)
    )
    thread.start()
    thread.join()
    assert seen == [before, True]


class Prepared(Module):
    """Reads the data before training, during which a signal arrives."""

    def __init__(self, is_interrupted: bool) -> None:
        self.is_interrupted = is_interrupted
        self.is_prepared = False

    def build(self) -> keras.Model:
        return classifier()()

    def prepare(self, model: keras.Model, predict: Any) -> None:
        if self.is_interrupted:
            signal.raise_signal(signal.SIGTERM)
        self.is_prepared = predict(model).shape == (14, 3)


@pytest.mark.slow
def test_signal_while_preparing_a_model_leaves_no_files(
    tmp_path: Path,
) -> None:
    interrupted, other = Prepared(True), Prepared(False)
    trainer = Trainer(strategy=replicas(1), max_epochs=1, run_dir=tmp_path / "run")
    result = trainer.fit(interrupted, dataset())
    assert (result.signal, interrupted.is_prepared) == (signal.SIGTERM, False)
    assert not result.is_finished
    assert contents(tmp_path) == {}
    assert trainer.fit(other, dataset()).is_finished
    assert other.is_prepared


@pytest.mark.slow
def test_expired_max_time_saves_before_the_first_step(tmp_path: Path, whole: Any) -> None:
    result = fit(tmp_path, max_time="00:00:00:00")
    assert (result.is_finished, result.signal) == (False, None)
    assert result.exit_code == 0
    assert result.stop_reason == "max_time of 0 seconds is nearly over"
    assert read(tmp_path / "checkpoints" / "last.txt") == "step-00000000"
    assert fit(tmp_path).is_finished
    assert_equal(state(tmp_path), whole())


class SlowSteps(Callback):
    """Makes each step slow."""

    def on_train_step_end(self, run: Any) -> None:
        threading.Event().wait(0.9)


@pytest.mark.feature("stop by steps, epochs or time")
@pytest.mark.nightly
def test_max_time_saves_a_checkpoint_where_it_stops(tmp_path: Path, whole: Any) -> None:
    result = fit(tmp_path, SlowSteps(), max_time="00:00:00:08")
    assert (result.is_finished, result.signal) == (False, None)
    assert result.exit_code == 0
    assert "max_time of 8 seconds" in result.stop_reason
    assert int(read(tmp_path / "checkpoints" / "last.txt")[5:13]) in range(1, 12)
    assert fit(tmp_path).is_finished
    assert_equal(state(tmp_path), whole())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "second"), [(signal.SIGTERM, signal.SIGINT), (signal.SIGUSR1, signal.SIGTERM)]
)
def test_second_signal_exits_at_once_with_the_last_checkpoint_intact(
    first: signal.Signals, second: signal.Signals, tmp_path: Path, whole: Any
) -> None:
    run = tmp_path / "run"
    program = Program(fit_until_ended, run, output=tmp_path / "said.txt")
    try:
        wait_for(lambda: "ready" in program.output.splitlines())
        program.send(first)
        wait_for(lambda: first.name in program.output.splitlines())
        program.send(second)
        assert program.end() == 128 + second
    finally:
        program.stop()
    assert "resumed: step-00000006-mid-epoch" in "\n".join(fit(run, describe_only=True))
    assert fit(run).is_finished
    assert_equal(state(run), whole())
