"""The order of hooks: what the docstring of `keraunos.trainer.loop.loop` promises."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from helpers import classifier, examples, replicas
from keraunos import Trainer
from keraunos.callbacks import Callback, ModelCheckpoint, RunState, default_callbacks
from keraunos.callbacks.callback_list import default_label
from keraunos.models.phases import Phase

# Events are reported whenever they happen: see test_reports.py.
HOOKS = [n for n in vars(Callback) if n.startswith("on_") and n != "on_event"]
# Failures in these hooks are tested always, or before a change lands; in others nightly.
FAST = {"on_fit_begin", "on_train_step_end"}
SLOW = {"on_phase_begin", "on_checkpoint_saved", "on_fit_end"}


class Recorder(Callback):
    """Records each hook with the progress at that time."""

    def __init__(self, stop_at_step: int | None = None, fail_in: str = "") -> None:
        self.calls: list[Any] = []
        self.stop_at_step = stop_at_step
        self.fail_in = fail_in

    def reset(self) -> None:
        self.calls = ["reset"]


def recording(hook: str) -> Any:
    def record(self: Recorder, run: RunState, *args: Any) -> None:
        self.calls.append((hook, run.epoch, run.step, run.epoch_step))
        if hook == self.fail_in:
            raise ValueError("on purpose")
        if hook == "on_train_step_end" and run.step == self.stop_at_step:
            run.request_stop("the recorder said so")

    return record


for name in HOOKS:
    setattr(Recorder, name, recording(name))


def fit(recorder: Recorder, **options: Any) -> Any:
    x, y, _ = examples(5)
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
    trainer = Trainer(strategy=replicas(1), callbacks=[recorder], max_epochs=2, **options)
    return trainer.fit(classifier(), dataset, validation_data=dataset)


@pytest.mark.slow
@pytest.mark.feature("hooks")
def test_hooks_are_called_in_the_documented_order(tmp_path: Path) -> None:
    recorder = Recorder()
    fit(recorder, run_dir=tmp_path)
    assert recorder.calls == [
        "reset",
        ("on_fit_begin", 0, 0, 0),
        ("on_epoch_begin", 0, 0, 0),
        ("on_train_step_end", 0, 1, 1),
        ("on_train_step_end", 0, 2, 2),
        ("on_validation_begin", 0, 2, 2),
        ("on_validation_end", 0, 2, 2),
        ("on_epoch_end", 1, 2, 0),
        ("on_epoch_begin", 1, 2, 0),
        ("on_train_step_end", 1, 3, 1),
        ("on_train_step_end", 1, 4, 2),
        ("on_checkpoint_saved", 1, 4, 2),
        ("on_validation_begin", 1, 4, 2),
        ("on_validation_end", 1, 4, 2),
        ("on_epoch_end", 2, 4, 0),
        ("on_checkpoint_saved", 2, 4, 0),
        ("on_fit_end", 2, 4, 0),
    ]


def test_requested_stop_skips_remaining_steps_but_still_validates() -> None:
    recorder = Recorder(stop_at_step=1)
    result = fit(recorder)
    names = [call[0] for call in recorder.calls[1:]]
    assert names == [
        "on_fit_begin",
        "on_epoch_begin",
        "on_train_step_end",
        "on_validation_begin",
        "on_validation_end",
        "on_epoch_end",
        "on_fit_end",
    ]
    assert result.stop_reason == "the recorder said so"


def _layer(hook: str) -> pytest.MarkDecorator:
    return pytest.mark.slow if hook in SLOW else pytest.mark.nightly


class _AsksForPhase(Callback):
    def on_epoch_end(self, run: RunState) -> None:
        run.request_phase(Phase([], learning_rate=1e-3))


@pytest.mark.feature("exception hook")
@pytest.mark.parametrize(
    "hook",
    [
        h if h in FAST else pytest.param(h, marks=_layer(h))
        for h in HOOKS
        if h != "on_exception"
    ],
)
def test_failing_hook_lets_all_callbacks_clean_up(hook: str, tmp_path: Path) -> None:
    failing, other = Recorder(fail_in=hook), Recorder()
    x, y, _ = examples(5)
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
    trainer = Trainer(
        strategy=replicas(1),
        callbacks={
            "failing": failing,
            "other": other,
            "asking": _AsksForPhase(),
            "model_checkpoint": ModelCheckpoint(),
        },
        max_epochs=2,
        run_dir=tmp_path,
    )
    with pytest.raises(ValueError, match="on purpose"):
        trainer.fit(classifier(), dataset, validation_data=dataset)
    assert failing.calls[-2][0] == hook
    assert [each.calls[-1][0] for each in (failing, other)] == ["on_exception"] * 2


class Returns(Callback):
    """Records the steps at which device calls end, without asking for any."""

    every_n_steps = None

    def reset(self) -> None:
        self.steps: list[int] = []

    def on_train_step_end(self, run: RunState) -> None:
        self.steps.append(run.step)


class EachEpoch(Callback):
    """Has no step hook."""

    def on_epoch_end(self, run: RunState) -> None:
        run.read_metrics()


class EveryOther(EachEpoch):
    every_n_steps = 2

    def on_train_step_end(self, run: RunState) -> None:
        """Defined, and so called."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "steps"),
    [
        ([EachEpoch()], [8]),
        ([EachEpoch(), EveryOther()], [2, 4, 6, 8]),
        (default_callbacks(Path("runs")).values(), [8]),
    ],
)
def test_device_calls_end_only_at_steps_that_callbacks_ask_for(
    given: Iterable[Callback], steps: list[int], tmp_path: Path
) -> None:
    returns = Returns()
    x, y, _ = examples(30)
    Trainer(
        strategy=replicas(1),
        callbacks={default_label(each): each for each in (*given, returns)},
        max_epochs=1,
        steps_per_execution=8,
        run_dir=tmp_path,
    ).fit(classifier(), tf.data.Dataset.from_tensor_slices((x, y)).batch(4))
    assert returns.steps == steps
