import math

import keras
import pytest
from hand_made_runs import STEPS, end_epoch, fill_weights, new_run
from helpers import weights_of
from keraunos.callbacks import Callback, ModelCheckpoint
from keraunos.core import run_layout
from keraunos.core.best_epoch import BestEpoch, read_best_epoch, read_exported_epoch
from keraunos.core.bundle import Bundle, read_bundle, write_bundle
from keraunos.core.checkpoints import best_checkpoint, remove_checkpoint
from keraunos.core.errors import ConfigError
from keraunos.core.run_layout import checkpoint_name
from keraunos.models.weight_soup import SoupRecipe

LOSSES = (0.9, 0.5, 0.7, 0.5, 0.6, 0.4)
NAN = math.nan


def train(checkpoint, run, values, name="val_loss"):
    """Ends epochs, with all weights set to the number of the epoch."""
    for value in values:
        fill_weights(run, run.epoch + 1)
        end_epoch(run, checkpoint, **{name: value})


def begin(run, **options):
    checkpoint = ModelCheckpoint(**options)
    checkpoint.on_fit_begin(run)
    return checkpoint


def kept_epochs(run):
    """Numbers of the epochs whose checkpoints exist."""
    found = run.checkpoint_dir.glob("step-*")
    return sorted(int(path.name.removeprefix("step-")) // STEPS for path in found)


def epoch_named_in(run, file):
    path = run.checkpoint_dir / file
    if not path.exists():
        return None
    return int(path.read_text().strip().removeprefix("step-")) // STEPS


@pytest.fixture
def run(tmp_path):
    return new_run(run_dir=tmp_path, has_validation=True)


@pytest.mark.slow
@pytest.mark.feature("best and last")
@pytest.mark.parametrize(
    ("values", "options", "epochs", "best", "last"),
    [
        (LOSSES[:1], {}, [1], 1, 1),
        (LOSSES[:3], {}, [2, 3], 2, 3),
        (LOSSES, {}, [5, 6], 6, 6),
        (LOSSES[:5], {"save_top_k": 3}, [2, 4, 5], 2, 5),
        (LOSSES[:5], {"save_top_k": 3, "save_last": False}, [2, 4, 5], 2, None),
        (LOSSES[:3], {"save_top_k": 2, "save_last": False}, [2, 3], 2, None),
        (LOSSES[:5], {"save_last": False}, [2], 2, None),
        (LOSSES, {"mode": "max"}, [1, 5, 6], 1, 6),
        (LOSSES, {"mode": "max", "save_top_k": 2}, [1, 3, 5, 6], 1, 6),
        (LOSSES, {"every_n_epochs": 2, "save_top_k": 9}, [2, 4, 6], 6, 6),
        (LOSSES[:3], {"every_n_epochs": 2}, [2], 2, 2),
        ((NAN,), {}, [1], None, 1),
        ((NAN, 0.5, NAN), {}, [2, 3], 2, 3),
        ((0.5, NAN, 0.6), {"save_top_k": 2}, [1, 2, 3], 1, 3),
        ((NAN, 0.5, NAN), {"save_last": False}, [2], 2, None),
    ],
)
def test_best_and_last_checkpoints_are_kept_and_named(
    run, values, options, epochs, best, last
):
    monitor = {"monitor": "val_loss"} if "mode" in options else {}
    train(begin(run, **{**monitor, **options}), run, values)
    assert kept_epochs(run) == epochs
    assert (epoch_named_in(run, "best.txt"), epoch_named_in(run, "last.txt")) == (
        best,
        last,
    )


@pytest.mark.feature("best and last")
def test_saves_within_an_epoch_every_n_minutes(run):
    now = [0.0]
    checkpoint = begin(run, every_n_minutes=1.5, clock=lambda: now[0])
    due = []
    for run.step in range(1, STEPS):
        run.epoch_step, now[0] = run.step, now[0] + 60
        checkpoint.on_train_step_end(run)
        due.append(run.save_requested)
    assert due == [False, True]
    for seconds, is_due in ((80, False), (10, True)):
        run.save_requested, now[0] = False, now[0] + seconds
        checkpoint.on_train_step_end(run)
        assert run.save_requested == is_due


def test_earlier_checkpoint_wins_ties(run):
    train(begin(run), run, (0.5, 0.5, 0.5))
    assert kept_epochs(run) == [1, 2, 3]
    assert epoch_named_in(run, "best.txt") == 1


def test_nan_scores_are_not_saved_without_save_last(run):
    train(begin(run, save_last=False), run, (NAN, NAN))
    assert not run.checkpoint_dir.exists()
    assert best_checkpoint(run.checkpoint_dir) is None


@pytest.mark.feature("best weights restored")
@pytest.mark.parametrize(("restore", "value"), [(True, 2.0), (False, 5.0)])
def test_restore_best_decides_the_final_weights(run, restore, value):
    checkpoint = begin(run, restore_best=restore)
    train(checkpoint, run, LOSSES[:5])
    checkpoint.on_fit_end(run)
    assert {float(each) for w in weights_of(run.model) for each in w.ravel()} == {value}


def test_soup_of_the_best_checkpoints_is_requested_and_old_soups_removed(run):
    old = run.checkpoint_dir / run_layout.soup_name(1)
    write_bundle(old, Bundle({"weights": {}}))
    checkpoint = begin(run, save_top_k=3, soup="greedy")
    train(checkpoint, run, LOSSES)
    assert not old.exists()
    checkpoint.on_fit_end(run)
    names = [checkpoint_name(STEPS * epoch, False) for epoch in (6, 2, 4)]
    assert run.requested_soup == SoupRecipe("greedy", names, "val_loss", "min")


def test_soup_requires_validation_data_and_frozen_batch_norm(tmp_path):
    with pytest.raises(ConfigError, match="scored on validation data"):
        begin(new_run(run_dir=tmp_path), save_top_k=2, soup="uniform")
    run = new_run(run_dir=tmp_path, has_validation=True)
    run.model = keras.Sequential([keras.layers.BatchNormalization(trainable=False)])
    checkpoint = begin(run, save_top_k=2, soup="uniform")
    run.model.layers[0].trainable = True
    with pytest.raises(ConfigError, match="whose BatchNorm layers are frozen"):
        checkpoint.on_phase_begin(run)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "try save_top_k=5"),
        ({"save_top_k": 2, "restore_best": False}, "restore_best=false"),
        ({"save_top_k": 2, "monitor": "accuracy"}, "a metric of validation"),
    ],
)
def test_options_that_prevent_a_soup_are_rejected(options, words):
    with pytest.raises(ConfigError, match=words):
        ModelCheckpoint(soup="greedy", **options)


@pytest.mark.parametrize(("validated", "name"), [(True, "val_loss"), (False, "loss")])
def test_default_monitor_is_chosen_again_for_each_fit(tmp_path, validated, name):
    checkpoint = ModelCheckpoint()
    for number, has_validation in enumerate((not validated, validated)):
        checkpoint.reset()
        run = new_run(run_dir=tmp_path / f"{number}", has_validation=has_validation)
        checkpoint.on_fit_begin(run)
    train(checkpoint, run, (0.5, 0.7), name)
    assert epoch_named_in(run, "best.txt") == 1


class AlsoSaves(Callback):
    """Asks for a checkpoint in the second epoch."""

    def on_epoch_end(self, run):
        if run.epoch == 2:
            run.request_save()


@pytest.mark.parametrize(
    ("save_last", "epochs"), [(True, [2, 6, 9, 33]), (False, [2, 9, 33])]
)
def test_only_its_own_checkpoints_are_removed(run, save_last, epochs):
    (run.checkpoint_dir / "step-00000099").mkdir(parents=True)
    checkpoint = begin(run, save_last=save_last, every_n_epochs=3)
    for value in (*LOSSES, 0.3, 0.2, 0.1):
        end_epoch(run, checkpoint, AlsoSaves(), val_loss=value)
    assert kept_epochs(run) == epochs


@pytest.mark.parametrize("cut", range(1, 6))
def test_resuming_from_its_own_checkpoint_equals_an_uninterrupted_run(run, cut):
    options = {"save_top_k": 2}
    train(begin(run, **options), run, LOSSES[:cut])
    last = run.checkpoint_dir / run.checkpoint_name
    state = read_bundle(last).documents["state"]["callbacks"]["0"]
    resumed = ModelCheckpoint(**options)
    resumed.reset()
    resumed.on_fit_begin(run)
    resumed.load_state_dict(state)
    train(resumed, run, LOSSES[cut:])
    assert kept_epochs(run) == [2, 5, 6]
    assert (epoch_named_in(run, "best.txt"), epoch_named_in(run, "last.txt")) == (6, 6)


@pytest.mark.feature("weights only")
def test_weights_only_checkpoint_holds_all_weights_and_nothing_else(run):
    run.model.layers[0].trainable = False
    checkpoint = begin(run, save_weights_only=True)
    train(checkpoint, run, LOSSES[:3])
    names = sorted(path.name for path in run.checkpoint_dir.iterdir())
    weights = ["weights-00000006", "weights-00000009"]
    assert names == [".checksums", "best.txt", "last.txt", *weights]
    bundle = read_bundle(run.checkpoint_dir / "weights-00000006")
    assert (list(bundle.arrays), list(bundle.documents)) == (["weights"], [])
    assert len(bundle.arrays["weights"]) == len(run.model.weights)
    checkpoint.on_fit_end(run)
    assert {float(each) for each in weights_of(run.model)[-1].ravel()} == {2.0}


@pytest.mark.parametrize("restores", [True, False])
def test_best_epoch_is_read_from_its_checkpoint_with_metric_and_value(run, restores):
    assert read_best_epoch(run.run_dir) is None
    checkpoint = begin(run, restore_best=restores)
    train(checkpoint, run, LOSSES[:3])
    path = best_checkpoint(run.checkpoint_dir)
    state = {"epoch": 2, "callbacks": {"log": {}, "best": checkpoint.state_dict()}}
    remove_checkpoint(path.parent, path.name)
    write_bundle(path, Bundle(documents={"state": state}))
    best = read_best_epoch(run.run_dir)
    assert best == BestEpoch(2, "val_loss", 0.5, restores)
    assert best.describe() == "epoch 2, best val_loss 0.5"
    assert read_exported_epoch(run.run_dir) == (2 if restores else None)
    (path / "state.json").write_text("{}")
    assert read_best_epoch(run.run_dir) is None


def test_only_validation_values_trigger_a_save_within_an_epoch(run):
    checkpoint = begin(run)
    train(checkpoint, run, (0.5,))
    run.step, run.epoch_step, run.metrics = 4, 1, {"val_loss": 0.25}
    checkpoint.on_validation_end(run)
    assert run.save_requested
    assert checkpoint.scores == {"step-00000004-mid-epoch": 0.25}
    run.save_requested, run.metrics = False, {"val_accuracy": 0.25}
    checkpoint.on_validation_end(run)
    assert not run.save_requested


def test_epoch_without_validation_is_saved_but_not_ranked(run):
    checkpoint = begin(run)
    train(checkpoint, run, (0.5,))
    run.skipped_validation = True
    end_epoch(run, checkpoint, loss=0.1)
    assert (epoch_named_in(run, "best.txt"), epoch_named_in(run, "last.txt")) == (1, 2)


@pytest.mark.feature("save on exception")
@pytest.mark.parametrize("wanted", [True, False])
def test_save_on_exception_requests_a_save_after_an_error(run, wanted):
    checkpoint = begin(run, save_on_exception=wanted)
    checkpoint.on_exception(run, KeyboardInterrupt())
    assert not run.save_requested
    checkpoint.on_exception(run, LookupError())
    assert run.save_requested == wanted


def test_run_without_a_directory_is_rejected():
    with pytest.raises(ConfigError, match=r"needs a run directory.*run_dir=None.*run_dir"):
        ModelCheckpoint().on_fit_begin(new_run())


def test_missing_metric_error_lists_the_available_metrics(run):
    checkpoint = begin(run, monitor="val_acc")
    with pytest.raises(ConfigError, match=r"one of loss, val_accuracy.*val_accuracy"):
        end_epoch(run, checkpoint, loss=1.0, val_accuracy=0.5)


def test_all_invalid_options_are_reported_in_one_error():
    with pytest.raises(ConfigError) as error:
        ModelCheckpoint(save_top_k=0, every_n_epochs=0)
    assert "`callbacks.model_checkpoint.save_top_k` must be" in str(error.value)
    assert "`callbacks.model_checkpoint.every_n_epochs` must be" in str(error.value)
