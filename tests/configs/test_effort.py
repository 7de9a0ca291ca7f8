"""`effort`: one word that changes several settings of a recipe or a custom file."""

import pytest
from keraunos.configs import changed_by_effort, load_config, recipes, to_yaml
from keraunos.configs.effort import efforts_of
from keraunos.configs.load import read_source
from keraunos.core.errors import ConfigError

MINE = """\
trainer: {max_epochs: 5, min_epochs: 2}
callbacks: {early_stopping: {patience: 9}}
efforts:
  quick:
    trainer: {max_epochs: 3}
  best:
    trainer: {max_epochs: 50}
    data: {folds: 4}
    callbacks: {early_stopping: {min_delta: 0.1}}
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(MINE)
    return str(path)


@pytest.mark.feature("effort")
def test_effort_overrides_its_file_but_not_later_files_or_the_command_line(mine, tmp_path):
    later = tmp_path / "later.yaml"
    later.write_text("data: {folds: 7}\n")
    config = load_config([mine, str(later)], ["trainer.max_epochs=60", "effort=best"])
    assert config.effort == "best"
    assert (config.trainer.max_epochs, config.trainer.min_epochs) == (60, 2)
    assert config.data.folds == 7
    assert config.callbacks["early_stopping"] == {"patience": 9, "min_delta": 0.1}


def test_without_an_effort_no_settings_change(mine):
    for overrides in ([], ["effort=null"]):
        config = load_config([mine], overrides)
        assert (config.effort, config.trainer.max_epochs) == (None, 5)
        assert config.data.folds is None


def test_effort_can_be_chosen_in_another_file_and_on_the_command_line(mine, tmp_path):
    choice = tmp_path / "choice.yaml"
    choice.write_text("effort: best\n")
    assert load_config([str(choice), mine]).trainer.max_epochs == 50
    typed = load_config([mine, str(choice)], ["effort=quick"])
    assert (typed.effort, typed.trainer.max_epochs, typed.data.folds) == ("quick", 3, None)


def test_effort_settings_of_several_files_are_combined(mine, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text("seed: 1\nefforts: {best: {seed: 2}}\n")
    best = load_config([mine, str(other)], ["effort=best"])
    assert (best.seed, best.data.folds) == (2, 4)
    assert load_config([str(other), mine], ["effort=quick"]).seed == 1


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["effort=best"],
        ["effort=best", "seed=3"],
        ["model.head=ridge"],  # incompatible with the fine-tuning of `best`
        ["task=regression", "data.label_column=age"],
    ],
)
def test_saved_configuration_loads_as_the_same_settings(overrides, tmp_path):
    config = load_config(["classify"], overrides)
    (tmp_path / "config.yaml").write_text(to_yaml(config))
    assert load_config([str(tmp_path / "config.yaml")]) == config


def test_effort_of_a_saved_configuration_is_neither_reapplied_nor_changed(mine, tmp_path):
    kept = tmp_path / "config.yaml"
    kept.write_text(to_yaml(load_config([mine], ["effort=best", "data.folds=2"])))
    assert load_config([str(kept)]).data.folds == 2
    assert load_config([str(kept)], ["effort=best"]).data.folds == 2
    with pytest.raises(ConfigError, match=r"Received: effort='quick'\. There are best\."):
        load_config([str(kept)], ["effort=quick"])


@pytest.mark.parametrize(
    ("sources", "typed", "words"),
    [
        ([], "effort=best", "command line: `effort` must be in the section `efforts` of"),
        ([], "effort=best", "Try keraunos fit classify effort=best."),
        (["mine"], "effort=good", r"Received: effort='good'. There are quick, best\."),
        (["mine"], "effort=turbo", "`effort` must be one of quick, good, best. Received"),
        (["mine"], "efforts=3", "`efforts` must be a group of settings. Received"),
        (["mine"], "efforts.best=3", "`efforts.best` must be a group of settings"),
        (["mine"], "efforts.turbo.seed=3", "`efforts.turbo` must be one of quick, good"),
        (["mine"], "efforts.best.run_dir=a", "`efforts.best.run_dir` can't depend on"),
        (["mine"], "efforts.quick.effort=best", "`efforts.quick.effort` can't depend on"),
    ],
)
def test_invalid_efforts_are_rejected(mine, sources, typed, words):
    with pytest.raises(ConfigError, match=words):
        load_config([{"mine": mine}[each] for each in sources], [typed])


@pytest.mark.parametrize("chosen", [[], ["effort=quick"], ["effort=best"]])
def test_errors_in_an_effort_are_reported_even_if_it_is_not_chosen(chosen, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(f"{MINE}    model: {{dropuot: 1}}\n")
    with pytest.raises(ConfigError) as caught:
        load_config([str(path)], chosen)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{path}:10: `model.dropuot` is not a setting.")


def test_unchosen_effort_does_not_conflict_with_typed_settings(mine):
    assert load_config([mine], ["model.builder=my:build", "data.fold=1", "data.folds=3"])


def test_effort_cannot_be_searched():
    space = "search.space={effort: {choice: [quick, best]}}"
    with pytest.raises(ConfigError, match=r"`search.space.effort` can't vary"):
        load_config(["classify"], [space])


def test_reported_effort_changes_exclude_typed_settings(mine):
    arguments = [mine], ["effort=best", "trainer.max_epochs=7", "seed=1"]
    assert changed_by_effort(*arguments) == [
        "callbacks.early_stopping.min_delta: None -> 0.1",
        "data.folds: None -> 4",
    ]
    assert changed_by_effort([mine]) == []


@pytest.mark.parametrize("name", sorted(set(recipes()) - {"wide_search"}))  # it is a search
def test_every_recipe_has_three_efforts_and_best_uses_an_ensemble_of_folds(name):
    efforts = {
        each: load_config([name], [f"effort={each}"])
        for each in efforts_of(read_source(name))
    }
    assert list(efforts) == ["quick", "good", "best"]
    best = efforts["best"]
    assert best.data.folds == 5
    assert best.evaluation.ensemble
    assert best.evaluation.tta is not None
    assert efforts["quick"].data.folds is None
    cached = [
        c.augmentation.views != "fresh" or not c.augmentation.strength
        for c in efforts.values()
    ]
    assert all(cached)
