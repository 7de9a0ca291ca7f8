import json
from pathlib import Path

import keras
import numpy as np
import pytest
from hand_made_runs import SPEED, end_epoch, end_fit, new_run, through_a_file
from keraunos.callbacks import Callback, EarlyStopping, create_callback, default_callbacks
from keraunos.callbacks.registry import CALLBACK_CLASSES
from keraunos.configs import CALLBACKS
from keraunos.core.errors import ConfigError
from keraunos.trainer.checkpoint.state import take_arrays_out

# Those that `default_callbacks` does not create.
ON_REQUEST = {
    "alerts",
    "backbone_finetuning",
    "early_stopping",
    "heartbeat",
    "json_log",
    "learning_rate_finder",
    "prometheus",
}

# Required options; the others have defaults.
NEEDED = {
    "alerts": {"command": ["true"]},
    "model_checkpoint": {"monitor": "val_loss"},  # otherwise known only once a fit begins
    "prometheus": {"port": 47_232},
}

FOREIGN = """
import keras
import keraunos.callbacks


class Ours(keraunos.callbacks.Callback):
    def __init__(self, level=0):
        self.level = level


class Theirs(keras.callbacks.Callback):
    pass


class NoCallback:
    pass
"""


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """Creates a user's module, `own_callbacks`."""
    (tmp_path / "own_callbacks.py").write_text(FOREIGN)
    monkeypatch.syspath_prepend(tmp_path)


def test_every_callback_has_options_in_the_configuration():
    assert list(CALLBACK_CLASSES) == list(CALLBACKS), "name them in the same order"
    for name, options in CALLBACKS.items():
        made = create_callback(name, options(**NEEDED.get(name, {})).model_dump())
        assert type(made) is CALLBACK_CLASSES[name]


@pytest.mark.slow
@pytest.mark.feature("callback state")
@pytest.mark.parametrize("name", CALLBACK_CLASSES)
def test_every_state_survives_a_checkpoint_round_trip(name, tmp_path):
    callback = CALLBACK_CLASSES[name](**NEEDED.get(name, {}))
    run = new_run(run_dir=tmp_path, has_validation=True)
    run.model.layers[0].trainable = False
    callback.reset()
    callback.on_fit_begin(run)
    for loss in (0.5, 0.25, 0.75):
        end_epoch(run, callback, val_loss=loss, **SPEED)
    state = callback.state_dict()
    json.dumps(take_arrays_out(state)[0], allow_nan=False)
    twin = CALLBACK_CLASSES[name](**NEEDED.get(name, {}))
    twin.reset()
    twin.load_state_dict(through_a_file(state, tmp_path / "state"))
    np.testing.assert_equal(twin.state_dict(), state)
    end_fit(run, callback)


def test_writing_callbacks_are_defaults_only_with_a_run_directory(tmp_path):
    assert list(default_callbacks(None)) == ["health", "progress_bar"]
    neither = set(CALLBACK_CLASSES) - set(default_callbacks(tmp_path)) - ON_REQUEST
    assert not neither, "create them in default_callbacks, or name them in ON_REQUEST"
    assert not ON_REQUEST & set(default_callbacks(tmp_path))


@pytest.mark.parametrize("kind", CALLBACK_CLASSES.values())
def test_every_callback_is_on_the_reference_page(kind):
    page = Path(__file__).parents[2] / "docs" / "reference" / "callbacks.md"
    line = f"::: {kind.__module__}.{kind.__name__}"
    assert line in page.read_text(encoding="utf-8").splitlines()


def test_label_may_differ_from_the_class_name():
    made = create_callback("on_accuracy", {"class": "early_stopping", "patience": 7})
    assert isinstance(made, EarlyStopping)
    assert made.patience == 7


def test_camel_case_names_refer_to_keras_callbacks():
    made = create_callback("EarlyStopping", {"patience": 2})
    assert type(made.callback) is keras.callbacks.EarlyStopping
    made = create_callback("plateau", {"class": "ReduceLROnPlateau", "factor": 0.5})
    assert (type(made.callback).__name__, made.callback.factor) == (
        "ReduceLROnPlateau",
        0.5,
    )


def test_class_given_by_its_module_path_is_imported(foreign):
    made = create_callback("mine", {"class": "own_callbacks:Ours", "level": 3})
    assert isinstance(made, Callback)
    assert made.level == 3
    made = create_callback("other", {"class": "own_callbacks:Theirs"})
    assert isinstance(made.callback, keras.callbacks.Callback)


@pytest.mark.parametrize(
    ("label", "options", "words"),
    [
        ("early_stoping", {}, r"`callbacks.early_stoping` must.*mean early_stopping\?"),
        ("EarlyStoping", {}, r"`callbacks.EarlyStoping` must.*mean EarlyStopping\?"),
        ("early_stopping", {"patience": 0}, "`callbacks.early_stopping.patience` must be"),
        ("early_stopping", {"pat": 1}, "`EarlyStopping` has no argument `pat`.*=1"),
        ("ReduceLROnPlateau", {"factor": 2.0}, "ReduceLROnPlateau.*factor >= 1.0"),
        ("a", {"class": "own_callbacks:Missing"}, "no attribute 'Missing'.*PYTHONPATH"),
        ("a", {"class": "no_such_module:X"}, "No module named 'no_such_module'"),
        ("a", {"class": "own_callbacks:NoCallback"}, "`callbacks.a` must name a class of"),
    ],
)
def test_callbacks_that_cannot_be_created_are_rejected(label, options, words, foreign):
    with pytest.raises(ConfigError, match=words):
        create_callback(label, options)


def test_error_suggests_only_classes():
    with pytest.raises(ConfigError) as error:
        create_callback("Nothing", {})
    assert "ReduceLROnPlateau" in str(error.value)
    assert "__" not in str(error.value)
