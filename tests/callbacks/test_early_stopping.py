import math

import numpy as np
import pytest
from hand_made_runs import end_epoch, fill_weights, new_run, through_a_file
from helpers import weights_of
from keraunos.callbacks import EarlyStopping
from keraunos.core.errors import ConfigError

LOSSES = (0.9, 0.5, 0.7, 0.49, 0.6, 0.55, 0.51, 0.3)  # best before the stop: 4th


def train(stopping, run, values, name="val_loss"):
    """Ends epochs, with all weights set to the number of the epoch."""
    for value in values:
        fill_weights(run, run.epoch + 1)
        end_epoch(run, stopping, **{name: value})
        if run.stop_reason:
            return


@pytest.mark.feature("early stopping")
@pytest.mark.parametrize(
    ("values", "options", "last", "best"),
    [
        (LOSSES, {"patience": 3}, 7, 4),
        (LOSSES, {"patience": 1}, 3, 2),
        (LOSSES, {"patience": 4}, 8, 8),
        (LOSSES, {"patience": 2, "min_delta": 0.05}, 4, 2),
        (LOSSES, {"patience": 3, "mode": "max"}, 4, 1),
        ((0.5, 0.5, 0.5, 0.5), {"patience": 2}, 3, 1),
        ((math.nan, 0.5, math.nan, math.nan, 0.1), {"patience": 2}, 4, 2),
        (LOSSES, {"stopping_threshold": 0.5}, 2, 2),
        (LOSSES, {"stopping_threshold": 0.7, "mode": "max"}, 1, 1),
        (LOSSES, {"patience": 9, "divergence_threshold": 0.65}, 1, 1),
        (LOSSES[1:], {"patience": 9, "divergence_threshold": 0.65}, 2, 1),
        (LOSSES, {"mode": "max", "divergence_threshold": 0.6, "patience": 9}, 2, 1),
        ((0.5, math.nan, 0.1), {"check_finite": True}, 2, 1),
        ((0.5, math.inf, 0.1), {"check_finite": True}, 2, 1),
    ],
)
def test_stops_after_patience_epochs_or_at_a_threshold(values, options, last, best):
    run, stopping = new_run(), EarlyStopping(**options)
    train(stopping, run, values)
    assert (run.epoch, stopping.best_epoch) == (last, best)
    stopping.on_fit_end(run)
    assert {float(each) for w in weights_of(run.model) for each in w.ravel()} == {best}


def test_direction_is_inferred_from_the_metric_name():
    run = new_run()
    train(
        EarlyStopping("val_accuracy", patience=2),
        run,
        (0.5, 0.7, 0.6, 0.65, 0.9),
        "val_accuracy",
    )
    assert run.epoch == 4


def test_stop_reason_names_the_metric_its_best_value_and_epoch():
    run = new_run()
    train(EarlyStopping(patience=1), run, (0.5369305918878475, 0.6))
    assert run.stop_reason == (
        "val_loss has not improved for 1 epoch (best: 0.5369 in epoch 1)"
    )


@pytest.mark.feature("early stopping thresholds")
@pytest.mark.parametrize(
    ("options", "value", "words"),
    [
        ({"stopping_threshold": 0.5}, 0.25, "is 0.25, which is good enough (0.5)"),
        ({"divergence_threshold": 2.0}, 3.0, "is 3, which is worse than 2"),
        ({"check_finite": True}, math.inf, "is inf, which is not finite"),
    ],
)
def test_threshold_stop_reasons_are_reported_and_saved_in_the_state(
    options, value, words, tmp_path
):
    run, stopping = new_run(), EarlyStopping(**options)
    train(stopping, run, (value,))
    assert run.stop_reason == stopping.reason == f"val_loss {words}"
    twin = EarlyStopping(**options)
    twin.load_state_dict(through_a_file(stopping.state_dict(), tmp_path / "state"))
    assert twin.reason == stopping.reason


def test_epochs_without_validation_do_not_count_toward_patience():
    run, stopping = new_run(has_validation=True), EarlyStopping(patience=2)
    for epoch, value in enumerate((0.5, 0.6, 0.7, 0.8, 0.9)):
        run.skipped_validation = epoch % 2 == 1
        end_epoch(run, stopping, loss=1.0, **({} if epoch % 2 else {"val_loss": value}))
        assert (run.stop_reason is not None) == (epoch == 4)


@pytest.mark.feature("minimum epochs")
def test_run_is_not_stopped_before_min_epochs():
    run = new_run(min_epochs=4)
    train(EarlyStopping(patience=1), run, (0.1, 0.2, 0.3, 0.05, 0.4))
    assert run.epoch == 5  # the better fourth epoch counts


def test_last_weights_are_kept_without_restore_best_weights():
    run, stopping = new_run(), EarlyStopping(patience=1, restore_best_weights=False)
    train(stopping, run, LOSSES)
    stopping.on_fit_end(run)
    assert {float(each) for w in weights_of(run.model) for each in w.ravel()} == {3.0}
    assert stopping.state_dict()["best_weights"] == {}


@pytest.mark.feature("best weights restored")
def test_only_trainable_weights_are_kept_and_restored():
    run, stopping = new_run(), EarlyStopping(patience=1)
    run.model.layers[0].trainable = False
    train(stopping, run, LOSSES)
    assert len(stopping.state_dict()["best_weights"]) == 2
    stopping.on_fit_end(run)
    frozen, head = (layer.get_weights()[0] for layer in run.model.layers)
    assert (np.unique(frozen), np.unique(head)) == ([3.0], [2.0])


@pytest.mark.feature("callback state")
@pytest.mark.parametrize("cut", range(1, 7))
def test_resuming_after_any_epoch_equals_an_uninterrupted_run(cut, tmp_path):
    run, first = new_run(), EarlyStopping(patience=3)
    train(first, run, LOSSES[:cut])
    second = EarlyStopping(patience=3)
    second.load_state_dict(through_a_file(first.state_dict(), tmp_path / "state"))
    fill_weights(run, -1.0)
    train(second, run, LOSSES[cut:])
    assert (run.epoch, second.best, second.best_epoch) == (7, 0.49, 4)
    second.on_fit_end(run)
    assert {float(each) for w in weights_of(run.model) for each in w.ravel()} == {4.0}


def test_reset_clears_the_state_of_the_previous_fit():
    stopping = EarlyStopping(patience=1)
    train(stopping, new_run(), (0.1, 0.2))
    stopping.reset()
    run = new_run()
    train(stopping, run, (0.9, 0.8, 0.85))
    assert (run.epoch, stopping.best_epoch) == (3, 2)


@pytest.mark.feature("early stopping thresholds")
def test_missing_metric_error_lists_the_available_metrics():
    with pytest.raises(ConfigError, match=r"one of loss, accuracy.*monitor='val_loss'"):
        end_epoch(new_run(), EarlyStopping(), loss=1.0, accuracy=0.5)


def test_all_invalid_options_are_reported_in_one_error():
    with pytest.raises(ConfigError) as error:
        EarlyStopping(patience=0, min_delta=-1.0, mode="smallest")
    for name in ("patience", "min_delta", "mode"):
        assert f"`callbacks.early_stopping.{name}` must be" in str(error.value)
