"""Old names work with a warning, wherever they are used, until they are removed."""

import warnings
from importlib import metadata

import keraunos as kr
import pytest
from keraunos.callbacks import EarlyStopping
from keraunos.cli.main import main
from keraunos.configs import load_config
from keraunos.configs.arguments import (
    AUGMENTATION,
    CALLBACK_ARGUMENTS,
    FOLDER,
    MODEL,
    SEARCH,
    TRAINER,
)
from keraunos.core import deprecations
from keraunos.core.deprecations import Renamed
from keraunos.core.errors import ConfigError
from packaging.version import Version

EPOCHS = Renamed("trainer.epochs", "trainer.max_epochs", "0.2", "0.3")
PATIENCE = Renamed(
    "callbacks.early_stopping.wait", "callbacks.early_stopping.patience", "0.2", "0.3"
)
MOVED = Renamed("batch", "data.batch_size", "0.2", "0.3")
WORDS = r"is deprecated since 0\.2 and will be removed in 0\.3\. Use `"


@pytest.fixture(autouse=True)
def old_names(monkeypatch):
    monkeypatch.setattr(deprecations, "SETTINGS", (EPOCHS, PATIENCE, MOVED))
    monkeypatch.setattr(
        deprecations, "NAMES", (Renamed("Fitter", "Trainer", "0.2", "0.3"),)
    )
    option = Renamed("config --ascii-only", "config --help", "0.2", "0.3")
    monkeypatch.setattr(deprecations, "OPTIONS", (option,))


def test_no_old_name_outlives_its_removal_version(monkeypatch):
    monkeypatch.undo()
    now = Version(metadata.version("keraunos"))
    for each in (*deprecations.SETTINGS, *deprecations.NAMES, *deprecations.OPTIONS):
        assert Version(each.since) < Version(each.removed_in)
        assert now < Version(each.removed_in), f"remove {each.old} now"


def test_old_setting_names_work_in_files_and_on_the_command_line(tmp_path):
    file = tmp_path / "old.yaml"
    file.write_text(
        "batch: 8\ntrainer: {epochs: 5, max_steps: 9}\n"
        "search: {space: {trainer.epochs: {choice: [2, 3]}}}\n"
        "efforts: {quick: {trainer: {epochs: 1}}}\n"
    )
    with pytest.warns(FutureWarning, match=f"`trainer.epochs` {WORDS}trainer.max_epochs`"):
        config = load_config([str(file)])
    assert (config.data.batch_size, config.trainer.max_epochs) == (8, 5)
    assert config.trainer.max_steps == 9
    assert list(config.search.space) == ["trainer.max_epochs"]
    with pytest.warns(FutureWarning, match=WORDS):
        assert load_config([str(file)], ["effort=quick"]).trainer.max_epochs == 1
    with pytest.warns(FutureWarning, match=WORDS):
        assert load_config(["classify"], ["trainer.epochs=7"]).trainer.max_epochs == 7


def test_invalid_value_of_an_old_name_is_reported_with_its_line(tmp_path):
    file = tmp_path / "old.yaml"
    file.write_text("seed: 1\ntrainer:\n  epochs: many\n")
    with (
        pytest.warns(FutureWarning, match=WORDS),
        pytest.raises(ConfigError, match=r"old\.yaml:3: .*trainer\.max_epochs"),
    ):
        load_config([str(file)])


def test_old_and_new_name_together_are_rejected(tmp_path):
    file = tmp_path / "both.yaml"
    file.write_text("trainer: {epochs: 5, max_epochs: 6}\n")
    with (
        pytest.warns(FutureWarning, match=WORDS),
        pytest.raises(ConfigError, match=r"`trainer\.max_epochs` is given twice"),
    ):
        load_config([str(file)])


def test_old_argument_name_works_and_warns_at_the_caller():
    with pytest.warns(FutureWarning, match=WORDS) as noted:
        assert kr.Trainer(epochs=4).settings.max_epochs == 4
    with pytest.warns(FutureWarning, match=WORDS):
        assert EarlyStopping(wait=7).patience == 7
    assert noted[0].filename == __file__


def test_constructors_map_to_their_settings_sections():
    found = [each.path for each in (TRAINER, FOLDER, MODEL, AUGMENTATION, SEARCH)]
    assert found == ["trainer", "data", "model", "augmentation", "search"]
    assert {name: each.path for name, each in CALLBACK_ARGUMENTS.items()} == {
        name: f"callbacks.{name}" for name in CALLBACK_ARGUMENTS
    }


def test_old_public_name_still_works_with_a_warning():
    with pytest.warns(FutureWarning, match=f"`Fitter` {WORDS}Trainer`") as noted:
        assert kr.Fitter is kr.Trainer
    assert noted[0].filename == __file__
    with pytest.raises(AttributeError, match="Fittest"):
        kr.Fittest  # noqa: B018


def test_old_option_of_one_command_still_works_with_a_warning(capsys):
    with pytest.warns(FutureWarning, match=f"`config --ascii-only` {WORDS}config --help`"):
        assert main(["config", "classify", "--ascii-only"]) == 0
    assert "Usage: keraunos config" in capsys.readouterr().out
    assert main(["recipes", "--ascii-only"]) == 2


def test_current_names_give_no_warning(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_config(["classify"], ["trainer.max_epochs=3", "data.batch_size=8"])
        kr.Trainer(max_epochs=3)
