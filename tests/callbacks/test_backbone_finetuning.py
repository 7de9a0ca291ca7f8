import keras
import pytest
from hand_made_runs import end_epoch, new_run, through_a_file
from helpers import classifier
from keraunos.callbacks import BackboneFinetuning
from keraunos.core.errors import ConfigError

LOSSES = (0.9, 0.5, 0.6, 0.4, 0.5, 0.45, 0.41)  # no better for two epochs: after the 6th


def model_of(*names):
    """Frozen dense layers with these names and a head."""
    layers = [keras.layers.Dense(3, name=name, trainable=False) for name in names]
    return keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dense(2)])


@pytest.fixture
def run():
    return new_run(model=model_of("a_1", "a_2", "b_1", "b_2", "bb_1"))


def end_epochs(run, tuning, values=LOSSES):
    """The epoch after which a new phase was asked for, or None."""
    for value in values:
        end_epoch(run, tuning, val_loss=value)
        if run.requested_phases:
            return run.epoch
    return None


@pytest.mark.parametrize(
    ("options", "epoch"),
    [
        ({}, 5),
        ({"at_epoch": 2}, 2),
        ({"at_epoch": None, "monitor": "val_loss"}, 6),
        ({"at_epoch": None, "monitor": "val_loss", "patience": 1}, 3),
        ({"at_epoch": 4, "monitor": "val_loss"}, 4),
        ({"at_epoch": 7, "monitor": "val_loss"}, 6),
        ({"at_epoch": None, "monitor": "val_loss", "mode": "max"}, 3),
        ({"at_epoch": None, "monitor": "val_loss", "patience": 3}, 7),
        ({"at_epoch": None, "monitor": "val_loss", "patience": 4}, None),
    ],
)
def test_the_phase_begins_at_an_epoch_or_when_a_metric_stops_improving(run, options, epoch):
    assert end_epochs(run, BackboneFinetuning(**options)) == epoch


@pytest.mark.parametrize(
    ("options", "layers"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"unfreeze_from": "b"}, [2, 3, 4]),
        ({"unfreeze_from": "b_2"}, [3, 4]),
        ({"unfreeze_from": "bb"}, [4]),
        ({"last_layers": 2}, [3, 4]),
        ({"last_layers": 99}, [0, 1, 2, 3, 4]),
    ],
)
def test_layers_are_named_from_the_first_or_counted_from_the_last(run, options, layers):
    end_epochs(run, BackboneFinetuning(**options))
    (phase,) = run.requested_phases
    assert (phase["unfreeze"], phase["learning_rate"]) == (layers, 1e-5)


def test_it_asks_once(run):
    tuning = BackboneFinetuning(at_epoch=1)
    for value in LOSSES:
        end_epoch(run, tuning, val_loss=value)
    assert len(run.requested_phases) == 1


@pytest.mark.parametrize("cut", range(1, 6))
def test_resumed_it_waits_on(run, cut, tmp_path):
    options = {"at_epoch": None, "monitor": "val_loss"}
    first, second = BackboneFinetuning(**options), BackboneFinetuning(**options)
    assert end_epochs(run, first, LOSSES[:cut]) is None
    second.load_state_dict(through_a_file(first.state_dict(), tmp_path / "state"))
    assert end_epochs(run, second, LOSSES[cut:]) == 6


@pytest.mark.parametrize(("max_epochs", "warmup"), [(9, 1), (7, 1), (6, 0.5)])
def test_its_schedule_goes_to_the_end_of_the_run(run, max_epochs, warmup):
    run.max_epochs = max_epochs
    schedule = {"name": "cosine", "warmup_epochs": 1}
    end_epochs(run, BackboneFinetuning(schedule=schedule))
    (phase,) = run.requested_phases
    expected = {"name": "cosine", "warmup_epochs": warmup, "epochs": max_epochs - 5}
    assert phase["schedule"] == expected


def test_layers_of_a_frozen_model_within_come_before_others():
    inner = model_of("a_1")
    inner.trainable = False
    inputs = keras.Input((3,))
    scaled = keras.layers.BatchNormalization(trainable=False)(inner(inputs))
    run = new_run(model=keras.Model(inputs, keras.layers.Dense(2)(scaled)))
    end_epochs(run, BackboneFinetuning())
    assert len(run.requested_phases[0]["unfreeze"]) == 2  # both of inner


@pytest.mark.parametrize(
    ("build", "options", "words"),
    [
        (classifier(), {}, "must have a backbone that is frozen"),
        (lambda: model_of("conv_1"), {"unfreeze_from": "comv_1"}, "mean conv_1"),
    ],
)
def test_what_can_not_be_unfrozen_is_said_before_training(build, options, words):
    with pytest.raises(ConfigError, match=words):
        BackboneFinetuning(**options).on_fit_begin(new_run(model=build()))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"unfreeze_from": "a", "last_layers": 1}, "can't be set together"),
        ({"at_epoch": None}, "`at_epoch` or `monitor` must be set"),
        ({"schedule": {"name": "cosin"}}, "mean cosine"),
        ({"learning_rate": 0.0}, "learning_rate` must be"),
    ],
)
def test_options_that_contradict_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        BackboneFinetuning(**options)
