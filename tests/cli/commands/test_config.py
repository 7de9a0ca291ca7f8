import json

import pytest
import yaml
from keraunos.configs import json_schema, load_config, recipes
from keraunos.configs.reference import groups


def test_every_recipe_is_listed_with_its_summary(keraunos):
    answer = keraunos("recipes")
    assert answer.code == 0
    for recipe in recipes().values():
        assert recipe.name in answer.out
        assert recipe.summary in answer.out


@pytest.mark.parametrize("name", recipes())
def test_redirected_recipe_loads_as_the_same_configuration(keraunos, tmp_path, name):
    answer = keraunos("config", name, "data.batch_size=5")
    (tmp_path / "mine.yaml").write_text(answer.out)
    assert (answer.code, answer.err) == (0, "")
    assert load_config(["mine.yaml"]) == load_config([name], ["data.batch_size=5"])


def test_redirected_configuration_with_a_builder_loads_unchanged(keraunos, small, tmp_path):
    (tmp_path / "copy.yaml").write_text(keraunos("config", *small).out)
    assert load_config(["copy.yaml"]) == load_config(small)


def test_all_errors_are_reported_at_once_with_the_nearest_valid_names(keraunos):
    answer = keraunos(
        "config",
        "quickstart",
        "trainer.max_epohs=3",
        "data.batch_size=0",
        "model.backbone=ResNet5",
        "callbacks.early_stoping.patience=2",
    )
    assert (answer.code, answer.out) == (2, "")
    assert len(answer.err.splitlines()) == 4
    for word in ("max_epochs", "at least 1", "mean ResNet50", "mean early_stopping"):
        assert word in answer.err


def test_changes_made_by_an_effort_are_listed_in_leading_comments(keraunos, tmp_path):
    answer = keraunos("config", "classify", "effort=best", "seed=4")
    head, _, settings = answer.out.partition("run_dir:")
    assert head.splitlines()[0] == "# effort=best changes"
    assert "#   data.folds: None -> 5" in head.splitlines()
    assert "seed" not in head
    assert "effort: best" in settings
    (tmp_path / "mine.yaml").write_text(answer.out)
    assert load_config(["mine.yaml"]) == load_config(
        ["classify"], ["effort=best", "seed=4"]
    )
    assert keraunos("config", "classify").out.startswith("run_dir:")


@pytest.mark.slow
def test_redirected_recipe_passes_a_dry_run(keraunos, lesions, tmp_path):
    settings = (f"data.train={lesions}", "trainer.cpu_devices=4", "trainer.devices=1")
    (tmp_path / "mine.yaml").write_text(keraunos("config", "quickstart", *settings).out)
    answer = keraunos("fit", "mine.yaml", "data.image_size=32", "--dry-run")
    assert answer.code == 0
    assert "ResNet50 + GlobalAveragePooling + Standardize" in answer.err


def test_schema_can_be_written_to_a_file(keraunos, tmp_path):
    answer = keraunos("config", "--schema", "--output", "schema.json")
    assert (answer.code, answer.out, answer.err) == (0, "", "")
    assert json.loads((tmp_path / "schema.json").read_text()) == json_schema()
    assert json.loads(keraunos("config", "--schema").out) == json_schema()


def test_configuration_can_be_written_to_a_file(keraunos, tmp_path):
    assert keraunos("config", "classify", "--output", "mine.yaml").code == 0
    assert load_config(["mine.yaml"]) == load_config(["classify"])
    assert yaml.safe_load((tmp_path / "mine.yaml").read_text())["trainer"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--schema", "classify"], "Received: arguments=['classify']. "),
        ([], "A recipe, a YAML file or a setting is needed."),
        (["classify", "--output", "nowhere/mine.yaml"], "`--output` must be writable"),
    ],
)
def test_invalid_arguments_are_rejected(keraunos, arguments, words):
    answer = keraunos("config", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert words in answer.err


def test_help_lists_every_setting(keraunos):
    words = keraunos("config", "--help").out
    for group in groups():
        for setting in group.settings:
            assert f" {setting.name} " in words, setting.name
