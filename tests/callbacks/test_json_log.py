"""JSON lines: one at the start, one per epoch, a few in between, one at the end."""

import io
import json
from typing import Any

import pytest
import tensorflow as tf
from hand_made_runs import FakeEngine
from helpers import classifier, examples, replicas
from keraunos import Trainer
from keraunos.callbacks import Callback, CallbackList, JsonLog, ProgressBar, RunState


class Counts(Callback):
    """Records that it was called."""

    def __init__(self, called: list[str]) -> None:
        self.called = called

    def on_fit_begin(self, run: RunState) -> None:
        self.called.append("other")


def run_state(**values: Any) -> RunState:
    return RunState(model=None, strategy=replicas(1), **values)


def written(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_fit_writes_a_start_line_one_line_per_epoch_and_an_end_line() -> None:
    stream = io.StringIO()
    dataset = tf.data.Dataset.from_tensor_slices(examples(14)).batch(4)
    # A slow machine would be reported by it.
    callbacks = {"progress_bar": JsonLog(stream=stream), "health": None}
    trainer = Trainer(strategy=replicas(1), max_epochs=2, callbacks=callbacks)
    result = trainer.fit(classifier(), dataset)
    lines = written(stream)
    announced = [line for line in lines if line["event"] == "announcement"]
    assert lines[:2] == announced
    lines = lines[2:]
    assert [line["event"] for line in lines] == ["start", "epoch", "epoch", "end"]
    description = [line for each in announced for line in each["lines"]]
    assert description == lines[0]["description"]
    assert [(line["epoch"], line["step"]) for line in lines[1:3]] == [(1, 4), (2, 8)]
    assert [line["loss"] for line in lines[1:3]] == result.history["loss"]
    assert lines[-1]["stop_reason"] == "max_epochs=2 is reached"


def test_at_most_one_line_per_minute_is_written_within_an_epoch() -> None:
    now = [0.0]
    stream = io.StringIO()
    log = JsonLog(stream=stream, clock=lambda: now[0])
    run = run_state(engine=FakeEngine(lambda: {"loss": float("nan")}))
    for seconds in range(0, 200, 7):
        now[0] = float(seconds)
        run.step = seconds
        log.on_train_step_end(run)
    assert [line["step"] for line in written(stream)] == [63, 126, 189]
    assert written(stream)[0]["loss"] is None  # JSON has no NaN


def test_error_that_ended_a_fit_is_logged() -> None:
    stream = io.StringIO()
    JsonLog(stream=stream).on_exception(run_state(), LookupError("gone"))
    assert written(stream)[0]["stop_reason"] == "LookupError: gone"


@pytest.mark.parametrize("writer", [JsonLog(), ProgressBar()])
def test_output_callbacks_are_kept_but_silent_on_other_workers(writer: Any) -> None:
    called: list[str] = []
    writer.on_fit_begin = lambda run: called.append("writer")
    callbacks = CallbackList({"writer": writer, "other": Counts(called)})
    callbacks.notify("on_fit_begin", run_state())
    assert called == ["writer", "other"]
    silent = callbacks.without_writers()
    silent.notify("on_fit_begin", run_state())
    assert called == ["writer", "other", "other"]
    assert list(silent.state_dict()) == ["other"]
    assert silent.callbacks == callbacks.callbacks
