"""Keras callbacks behave under the Trainer as under `Model.fit`."""

import csv

import keras
import pytest
import tensorflow as tf
from hand_made_runs import SPEED, end_epoch, new_run
from helpers import classifier, examples, largest_difference, replicas, weights_of
from keraunos import ConfigError, Trainer
from keraunos.callbacks import KerasCallback
from one_trace import one_trace

HOOKS = (
    "on_train_begin",
    "on_train_end",
    "on_epoch_begin",
    "on_epoch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_begin",
    "on_test_end",
)


class Recorder(keras.callbacks.Callback):
    """Records every hook with its arguments, and stops at a given one."""

    def __init__(self, stop_at=None):
        super().__init__()
        self.calls, self.stop_at = [], stop_at

    def set_params(self, params):
        super().set_params(params)
        self.calls.append(("set_params", [dict(params)], {}))

    def set_model(self, model):
        super().set_model(model)
        self.calls.append(("set_model", [type(model).__name__], {}))


def _noting(hook):
    def note(self, *place, logs=None):
        *place, logs = (*place, logs) if logs is not None else place
        self.calls.append((hook, place, dict(logs)))
        if (hook, *place) == self.stop_at:
            self.model.stop_training = True

    return note


for _hook in HOOKS:
    setattr(Recorder, _hook, _noting(_hook))


def dataset(count):
    """Batches of eight, the last of them ragged."""
    return tf.data.Dataset.from_tensor_slices(examples(count)).batch(8)


def fit_with_keras(callbacks, build, epochs=3):
    keras.utils.set_random_seed(0)
    model = build()
    model.run_eagerly = True  # tracing takes longer than so few steps
    model.fit(
        dataset(21),
        validation_data=dataset(13),
        epochs=epochs,
        verbose=0,
        callbacks=callbacks,
    )
    return model


def fit_with_trainer(callbacks, optimizer=None, epochs=3, count=1):
    with one_trace(count, "classifier", optimizer) as strategy:
        trainer = Trainer(strategy=strategy, max_epochs=epochs, callbacks=callbacks)
        return trainer.fit(classifier(optimizer), dataset(21), validation_data=dataset(13))


@pytest.mark.slow
@pytest.mark.feature("callbacks of Keras")
@pytest.mark.parametrize(
    "stop_at", [None, ("on_train_batch_end", 1), ("on_epoch_end", 0)], ids=str
)
def test_hooks_and_logs_match_model_fit(stop_at):
    theirs, ours = Recorder(stop_at), Recorder(stop_at)
    fit_with_keras([theirs], classifier(), epochs=2)
    result = fit_with_trainer([ours], epochs=2)
    assert [call[:2] for call in ours.calls] == [call[:2] for call in theirs.calls]
    assert len(ours.calls) > 10
    for (hook, _, own), (_, _, expected) in zip(ours.calls, theirs.calls, strict=True):
        assert set(own) - set(expected) <= {*SPEED, "examples_per_second"}, hook
        assert {name: own[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    reason = "Recorder requested it" if stop_at else "max_epochs=2 is reached"
    assert result.stop_reason == reason


def with_momentum():
    return keras.optimizers.SGD(0.4, momentum=0.9)


def schedule(epoch):
    return (0.4, 0.01, 0.2)[epoch]


ACTING = {
    "LearningRateScheduler": lambda: keras.callbacks.LearningRateScheduler(schedule),
    "ReduceLROnPlateau": lambda: keras.callbacks.ReduceLROnPlateau(
        "val_loss", factor=0.1, patience=1, min_delta=10.0
    ),
    "EarlyStopping": lambda: keras.callbacks.EarlyStopping(
        "loss", min_delta=10.0, patience=1, restore_best_weights=True
    ),
}


@pytest.fixture(scope="module")
def weights_without_callbacks():
    return weights_of(fit_with_keras([], classifier(with_momentum)))


@pytest.mark.feature("reduce on plateau")
@pytest.mark.nightly
@pytest.mark.parametrize("name", ACTING)
def test_callbacks_that_change_training_have_the_same_effect_on_two_replicas(
    name, weights_without_callbacks
):
    build = classifier(with_momentum)
    expected = weights_of(fit_with_keras([ACTING[name]()], build))
    assert largest_difference(weights_without_callbacks, expected) > 1e-3
    found = weights_of(fit_with_trainer([ACTING[name]()], with_momentum, count=2).model)
    assert largest_difference(found, expected) < 1e-5


def test_callbacks_that_write_files_work(tmp_path):
    saved = tmp_path / "best.keras"
    history = keras.callbacks.History()
    result = fit_with_trainer(
        [
            keras.callbacks.CSVLogger(tmp_path / "log.csv"),
            keras.callbacks.ModelCheckpoint(saved, monitor="val_loss", save_best_only=True),
            keras.callbacks.TensorBoard(tmp_path / "board"),
            history,
        ],
    )
    with open(tmp_path / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["val_loss"]) for row in rows] == result.history["val_loss"]
    assert history.history["loss"] == result.history["loss"]
    assert {path.name for path in (tmp_path / "board").iterdir()} == {"train", "validation"}
    best = keras.saving.load_model(saved)
    assert largest_difference(weights_of(best), weights_of(result.model)) < 1e-6


def test_lambda_callback_receives_every_batch():
    seen = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(batch)
    )
    fit_with_trainer([callback], epochs=2)
    assert seen == [0, 1, 2, 0, 1, 2]


def test_metrics_are_not_fetched_without_batch_hooks():
    callback, run = KerasCallback(keras.callbacks.History()), new_run()
    run.read_metrics = lambda: pytest.fail("fetched from the device")
    callback.on_fit_begin(run)
    callback.on_epoch_begin(run)
    callback.on_train_step_end(run)
    end_epoch(run, callback, loss=0.5)
    assert callback.callback.history == {"loss": [0.5]}


def test_stop_request_of_the_previous_fit_is_cleared():
    run = new_run()
    run.model.stop_training = True
    callback = KerasCallback(keras.callbacks.History())
    callback.on_fit_begin(run)
    end_epoch(run, callback, loss=0.5)
    assert run.stop_reason is None


def test_callback_changes_to_logs_do_not_affect_the_run():
    class Changes(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["loss"] = -1.0

    run = new_run()
    end_epoch(run, KerasCallback(Changes()), loss=0.5)
    assert run.metrics == {"loss": 0.5}


def test_callbacks_that_cannot_be_resumed_are_listed_at_the_start():
    trainer = Trainer(
        strategy=replicas(1),
        callbacks=[keras.callbacks.EarlyStopping("loss"), keras.callbacks.History()],
    )
    lines = trainer.describe(classifier(), dataset(9))
    assert lines[-1] == (
        "callbacks that start over when a run is resumed: "
        "keras_early_stopping, keras_history"
    )
    plain = Trainer(strategy=replicas(1)).describe(classifier(), dataset(9))
    assert not any("start over" in line for line in plain)


class ResumesByItself(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.model._initial_epoch = 2


@pytest.mark.parametrize(
    "make",
    [keras.callbacks.BackupAndRestore, lambda _: ResumesByItself()],
)
def test_callback_that_starts_at_a_later_epoch_is_rejected(make, tmp_path):
    """The Trainer would train all epochs again, on weights that are trained already."""
    with pytest.raises(ConfigError, match=r"all epochs again.*give the Trainer a run_dir"):
        KerasCallback(make(tmp_path)).on_fit_begin(new_run())
