import pytest
import tensorflow as tf
from helpers import classifier, examples, replicas
from keraunos import Trainer
from keraunos.callbacks import Callback, CallbackList, RunState

HOOKS = (
    "on_fit_begin",
    "on_epoch_begin",
    "on_train_step_end",
    "on_validation_begin",
    "on_validation_end",
    "on_epoch_end",
    "on_checkpoint_saved",
    "on_fit_end",
)


class Recorder(Callback):
    """Records each hook with the epoch and the step."""

    every_n_steps = 2

    def __init__(self):
        self.calls = []
        for hook in HOOKS:
            setattr(self, hook, lambda run, *_, hook=hook: self.note(hook, run))

    def note(self, hook, run):
        self.calls.append((hook, run.epoch, run.step))

    def on_train_step_end(self, run):
        """Overridden, so that it is called; the instance's own takes its place."""

    def on_exception(self, run, error):
        self.calls.append((repr(error), run.epoch, run.step))


def dataset(count):
    """Batches of four, the last of them ragged."""
    return tf.data.Dataset.from_tensor_slices(examples(count)[:2]).batch(4)


@pytest.mark.slow
def test_hooks_run_in_the_documented_order_with_completed_epochs_and_steps(tmp_path):
    recorder = Recorder()
    Trainer(
        strategy=replicas(1),
        max_epochs=2,
        run_dir=tmp_path / "run",
        callbacks={"recorder": recorder, "progress_bar": None},
    ).fit(classifier(), dataset(11), validation_data=dataset(5))
    assert recorder.calls == [
        ("on_fit_begin", 0, 0),
        ("on_epoch_begin", 0, 0),
        ("on_train_step_end", 0, 2),
        ("on_validation_begin", 0, 3),
        ("on_validation_end", 0, 3),
        ("on_epoch_end", 1, 3),
        ("on_epoch_begin", 1, 3),
        ("on_train_step_end", 1, 4),
        ("on_train_step_end", 1, 6),
        ("on_checkpoint_saved", 1, 6),
        ("on_validation_begin", 1, 6),
        ("on_validation_end", 1, 6),
        ("on_epoch_end", 2, 6),
        ("on_checkpoint_saved", 2, 6),
        ("on_fit_end", 2, 6),
    ]


def test_error_is_passed_to_all_callbacks_and_raised_by_fit():
    class Fails(Callback):
        def on_epoch_begin(self, run):
            raise RuntimeError("no more")

    recorder = Recorder()
    trainer = Trainer(strategy=replicas(1), callbacks=[Fails(), recorder])
    with pytest.raises(RuntimeError, match="no more"):
        trainer.fit(classifier(), dataset(5))
    assert recorder.calls == [
        ("on_fit_begin", 0, 0),
        ("RuntimeError('no more')", 0, 0),
    ]


def test_a_callback_that_overrides_nothing_can_be_called(tmp_path):
    callback, run = Callback(), RunState(classifier()(), replicas(1))
    callbacks = CallbackList({"nothing": callback})
    for hook in HOOKS:
        arguments = [tmp_path] if hook == "on_checkpoint_saved" else []
        callbacks.notify(hook, run, *arguments)
    callbacks.notify_exception(run, ValueError())
    callbacks.reset()
    callback.load_state_dict(callback.state_dict())
    assert callback.state_dict() == {}
    assert run == RunState(run.model, run.strategy)


def test_callbacks_are_called_after_every_step_by_default():
    class Counts(Callback):
        calls = 0

        def on_train_step_end(self, run):
            self.calls += 1

    callback, run = Counts(), RunState(classifier()(), replicas(1))
    callbacks = CallbackList({"counts": callback})
    for run.step in (1, 2, 3):
        callbacks.notify_step_end(run)
    assert callback.calls == 3
    assert callbacks.steps_until_due(0) == 1
