import keras
import pytest
from hand_made_runs import end_epoch, new_run, through_a_file
from helpers import classifier
from keraunos.callbacks import BackboneFinetuning
from keraunos.core.errors import ConfigError
from keraunos.models.phases import Phase

LOSSES = (0.9, 0.5, 0.6, 0.4, 0.5, 0.45, 0.41)  # a patience of two runs out after the 6th


def model_of(*names):
    """Frozen dense layers with these names and a head."""
    layers = [keras.layers.Dense(3, name=name, trainable=False) for name in names]
    return keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dense(2)])


def model_that_calls_a_layer_twice():
    """A model that calls a frozen layer twice."""
    inputs, layer = keras.Input((3,)), keras.layers.Dense(3, trainable=False)
    return keras.Model(inputs, keras.layers.Dense(2)(layer(layer(inputs))))


@pytest.fixture
def run():
    return new_run(model=model_of("a_1", "a_2", "b_1", "b_2", "bb_1"))


def end_epochs(run, tuning, values=LOSSES):
    """The epoch after which a new phase was requested, or None."""
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
def test_phase_starts_at_an_epoch_or_when_a_metric_stops_improving(run, options, epoch):
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
        ({"unfreeze_from": "stem"}, [0, 1, 2, 3, 4]),
        ({"stages": ["a_2"]}, [1, 2, 3, 4]),
    ],
)
def test_layers_to_unfreeze_are_selected_by_first_name_or_by_count(run, options, layers):
    end_epochs(run, BackboneFinetuning(**options))
    (phase,) = run.requested_phases
    assert (phase["unfreeze"], phase["learning_rate"]) == (layers, 1e-5)


def test_fine_tuning_phase_is_requested_only_once(run):
    tuning = BackboneFinetuning(at_epoch=1)
    for value in LOSSES:
        end_epoch(run, tuning, val_loss=value)
    assert len(run.requested_phases) == 1


def phases_of(run, tuning, values=LOSSES):
    """Epoch, layers and learning rate of each phase, each applied as in a fit."""
    begun = []
    for value in values:
        end_epoch(run, tuning, val_loss=value)
        for phase in run.requested_phases:
            begun.append((run.epoch, phase["unfreeze"], phase["learning_rate"]))
            Phase(**phase).apply(run.model)
        run.phases, run.requested_phases = [*run.phases, *run.requested_phases], []
    return begun


TWO = [[4], [3, 4]]
THREE = [[4], [2, 3, 4], [0, 1, 2, 3, 4]]
WATCHING = {"at_epoch": None, "monitor": "val_loss", "patience": 1}
BY_NAME = {"stages": ["bb_1", "b", "stem"]}


@pytest.mark.parametrize(
    ("options", "epochs", "layers"),
    [
        ({"stages": 2, "at_epoch": 3, "every_epochs": 2}, [3, 5], TWO),
        ({"stages": 2, "at_epoch": 1}, [1, 2], TWO),
        ({**BY_NAME, "at_epoch": 2, "every_epochs": 2}, [2, 4, 6], THREE),
        (
            {**BY_NAME, "at_epoch": None, "monitor": "val_loss", "patience": 1},
            [3, 5, 6],
            THREE,
        ),
        ({**BY_NAME, "at_epoch": 2, "monitor": "val_loss"}, [2, 6], THREE[:2]),
        (
            {**BY_NAME, "at_epoch": 2, "monitor": "val_loss", "every_epochs": 3},
            [2, 5, 7],
            THREE,
        ),
    ],
)
def test_stages_are_unfrozen_in_turn_starting_nearest_the_head(
    run, options, epochs, layers
):
    run.model.compile("sgd", "mse")
    tuning = BackboneFinetuning(learning_rate=0.1, learning_rate_factor=0.5, **options)
    begun = phases_of(run, tuning)
    assert [(epoch, places) for epoch, places, _ in begun] == list(
        zip(epochs, layers, strict=True)
    )
    assert [rate for *_, rate in begun] == [0.1, 0.05, 0.025][: len(begun)]
    trained = sum(layer.trainable for layer in run.model.layers) - 1
    assert trained == len(layers[-1])


@pytest.mark.parametrize("cut", range(1, 7))
def test_remaining_stages_follow_after_resuming_between_stages(run, cut, tmp_path):
    run.model.compile("sgd", "mse")
    options = {**BY_NAME, **WATCHING}
    first, second = BackboneFinetuning(**options), BackboneFinetuning(**options)
    begun = phases_of(run, first, LOSSES[:cut])
    second.load_state_dict(through_a_file(first.state_dict(), tmp_path / "state"))
    begun += phases_of(run, second, LOSSES[cut:])
    assert [(epoch, places) for epoch, places, _ in begun] == [
        (3, THREE[0]),
        (5, THREE[1]),
        (6, THREE[2]),
    ]


def test_checkpoint_from_a_version_without_stages_is_loaded(run):
    tuning = BackboneFinetuning()
    tuning.load_state_dict({"is_done": True, "best": None, "waited": 0})
    assert end_epochs(run, tuning) is None


@pytest.mark.parametrize("cut", range(1, 6))
def test_patience_count_survives_resuming(run, cut, tmp_path):
    options = {"at_epoch": None, "monitor": "val_loss"}
    first, second = BackboneFinetuning(**options), BackboneFinetuning(**options)
    assert end_epochs(run, first, LOSSES[:cut]) is None
    second.load_state_dict(through_a_file(first.state_dict(), tmp_path / "state"))
    assert end_epochs(run, second, LOSSES[cut:]) == 6


@pytest.mark.parametrize(("max_epochs", "warmup"), [(9, 1), (7, 1), (6, 0.5)])
def test_schedule_spans_the_remaining_epochs_of_the_run(run, max_epochs, warmup):
    run.max_epochs = max_epochs
    schedule = {"name": "cosine", "warmup_epochs": 1}
    end_epochs(run, BackboneFinetuning(schedule=schedule))
    (phase,) = run.requested_phases
    expected = {"name": "cosine", "warmup_epochs": warmup, "epochs": max_epochs - 5}
    assert phase["schedule"] == expected


def test_nested_frozen_model_is_unfrozen_instead_of_outer_frozen_layers():
    inner = model_of("a_1")
    inner.trainable = False
    inputs = keras.Input((3,))
    scaled = keras.layers.BatchNormalization(trainable=False)(inner(inputs))
    run = new_run(model=keras.Model(inputs, keras.layers.Dense(2)(scaled)))
    end_epochs(run, BackboneFinetuning())
    assert len(run.requested_phases[0]["unfreeze"]) == 2  # both of inner


def test_backbone_that_is_not_a_nested_model_is_unfrozen_completely():
    layers = keras.layers
    inputs = keras.Input((3,))
    stem = keras.Sequential([keras.Input((3,)), layers.Dense(3, name="a")], name="stem")
    down = keras.Sequential([keras.Input((3,)), layers.Dense(3, name="c")], name="down")
    features = layers.Dense(3, name="d")(down(layers.Dense(3, name="b")(stem(inputs))))
    for layer in (frozen := keras.Model(inputs, features)).layers:
        layer.trainable = False
    run = new_run(model=keras.Model(inputs, layers.Dense(2)(frozen.output)))
    end_epochs(run, BackboneFinetuning())
    assert len(run.requested_phases[0]["unfreeze"]) == 4


@pytest.mark.parametrize(
    ("build", "options", "words"),
    [
        (classifier(), {}, "must have a frozen backbone"),
        (lambda: model_of("conv_1"), {"unfreeze_from": "comv_1"}, "mean conv_1"),
        (lambda: model_of("a", "b"), {"stages": 3}, r"there are 2: stem, b\).*stages=3"),
        (lambda: model_of("a", "b"), {"stages": ["stem", "b"]}, "towards its input"),
        (lambda: model_of("a", "b"), {"stages": ["b", "b"]}, "with further layers"),
        (
            lambda: model_of("a", "b"),
            {"stages": ["b", "c"]},
            r"stages` must .*='c'",
        ),
        (
            model_that_calls_a_layer_twice,
            {"stages": 1},
            "the order of the layers is unknown",
        ),
    ],
)
def test_layers_that_cannot_be_unfrozen_are_reported_before_training(build, options, words):
    with pytest.raises(ConfigError, match=words):
        BackboneFinetuning(**options).on_fit_begin(new_run(model=build()))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"unfreeze_from": "a", "last_layers": 1}, "can't be set together"),
        ({"unfreeze_from": "a", "stages": 1}, "can't be set together"),
        ({"stages": 0}, "stages` must be"),
        ({"stages": []}, "stages` must"),
        ({"every_epochs": 2}, "`every_epochs` needs `stages`"),
        ({"learning_rate_factor": 0.5}, "`learning_rate_factor` needs `stages`"),
        ({"at_epoch": None}, "`at_epoch` or `monitor` must be set"),
        ({"schedule": {"name": "cosin"}}, "mean cosine"),
        ({"learning_rate": 0.0}, "learning_rate` must be"),
    ],
)
def test_contradictory_or_invalid_options_are_rejected(options, words):
    with pytest.raises(ConfigError, match=words):
        BackboneFinetuning(**options)
