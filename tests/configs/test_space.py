import pytest
from keraunos.configs import DEFAULT_SPACE, RunConfig, load_config, to_yaml, varied
from keraunos.core.errors import ConfigError


def problems(*overrides: str) -> list[str]:
    """Returns the lines of the error for a configuration."""
    with pytest.raises(ConfigError) as caught:
        load_config(["classify"], overrides)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    "domain",
    [
        "{float: [0.0, 0.5]}",
        "{float: [0.01, 0.5], log: true}",
        "{float: [0, 0.5], step: 0.1}",
        "{choice: [0, 0.25]}",
    ],
)
def test_every_domain_form_is_accepted_for_a_number(domain):
    config = load_config(["classify"], [f"search.space={{model.dropout: {domain}}}"])
    assert list(config.search.space) == ["model.dropout"]


def test_space_can_vary_integers_choices_and_booleans():
    space = (
        "search.space={data.batch_size: {int: [8, 64], log: true}, "
        "optimizer.name: {choice: [sgd, adam]}, model.standardize_features: {bool: true}, "
        "augmentation.views: {choice: [fresh, 4]}, seed: {int: [0, 4]}}"
    )
    assert len(load_config(["classify"], [space]).search.space) == 5


@pytest.mark.parametrize(
    ("domain", "words"),
    [
        ("{float: [0.5, 0.1]}", "the smaller bound first"),
        ("{float: [0.1, 0.1]}", "the smaller bound first"),
        ("{float: [0.1]}", "two bounds"),
        ("{float: [0.0, .inf]}", "finite numbers"),
        ("{float: [0.0, true]}", "finite numbers"),
        ("{int: [1, 2.5]}", "whole numbers"),
        ("{float: [0.0, 0.5], log: true}", "above 0 with log"),
        ("{float: [0.1, 0.5], step: 0}", "a step above 0"),
        ("{float: [0.1, 0.5], step: 1, log: true}", "a step above 1"),
        ("{float: [0.1, 0.5], log: 1}", "log: true or log: false"),
        ("{choice: []}", "a list of values"),
        ("{choice: [0.1, 0.1]}", "each value once"),
        ("{choice: [0.1], log: true}", "neither log nor step"),
        ("{bool: false}", "{bool: true}"),
        ("{float: [0, 1], int: [0, 1]}", "one of float, int, choice, bool"),
        ("{flaot: [0, 1]}", "Did you mean float?"),
        ("0.5", "`search.space.model.dropout` must be a domain"),
        ("[0.0, 0.5]", "`search.space.model.dropout` must be a domain"),
    ],
)
def test_invalid_domains_are_rejected_with_the_valid_forms(domain, words):
    (line,) = problems(f"search.space.model.dropout={domain}")
    assert words in line
    assert "search.space" in line


def test_setting_without_its_section_suggests_the_full_name():
    (line,) = problems("search.space.dropout={float: [0.0, 0.5]}")
    assert "`dropout` is not a setting" in line
    assert line.endswith("Did you mean model.dropout?")
    (line,) = problems("folds=5")
    assert line.endswith("Did you mean data.folds or search.folds?")


def test_every_bound_and_choice_must_be_valid_for_its_setting():
    lines = problems(
        "search.space={model.dropout: {float: [0.5, 1.5]}, model.dropot: {int: [0, 1]}, "
        "optimizer.momentum: {float: [0, 1]}, data.batch_size: {choice: [8, 0]}}"
    )
    assert len(lines) == 4
    wanted = ["less than 1.0", "Did you mean dropout?", "adam has no", "at least 1"]
    for line, words in zip(lines, wanted, strict=True):
        assert words in line


def test_domain_is_validated_against_the_rest_of_the_configuration():
    space = "search.space={optimizer.momentum: {float: [0.0, 0.9]}}"
    assert load_config(["classify"], [space, "optimizer.name=sgd"]).search.space


@pytest.mark.parametrize("name", ["run_dir", "cache_dir", "search.max_trials", "task"])
def test_settings_of_the_search_as_a_whole_cannot_vary(name):
    (line,) = problems(f"search.space={{{name}: {{choice: [a, b]}}}}")
    assert "can't vary" in line


def test_invalid_space_is_reported_along_with_all_other_errors():
    lines = problems("search.space.model.dropout={flot: 1}", "data.batch_size=0")
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (r'search.space.model.dropout={"a\nb": 1}', "must be a domain"),
        (r'search.space={"a\nb": {float: [0, 1]}}', "is not a setting"),
        (r'search.space={seed: {int: [0, 4], when: {"a\nb": 1}}}', "that also vary"),
    ],
)
def test_names_with_line_ends_are_escaped(setting, expected):
    (line,) = problems(setting)
    assert r"a\nb" in line
    assert expected in line


def test_command_line_overrides_one_setting_of_a_space(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(
        "search: {space: {model.dropout: {float: [0.1, 0.2]}, seed: {int: [0, 3]}}}\n"
    )
    override = "search.space.model.dropout={float: [0.3, 0.4]}"
    space = load_config([str(file)], [override]).search.space
    assert space == {"model.dropout": {"float": [0.3, 0.4]}, "seed": {"int": [0, 3]}}


def test_builder_arguments_can_vary():
    config = RunConfig.model_validate(
        {
            "model": {"builder": "own:build", "arguments": {"units": 3}},
            "search": {"space": {"model.arguments.units": {"int": [2, 8]}}},
        }
    )
    assert varied(config, {"model.arguments.units": 5}).model.arguments == {"units": 5}


def test_default_space_is_valid_for_the_default_configuration():
    config = RunConfig.model_validate({"search": {"space": DEFAULT_SPACE}})
    assert config.search.space == DEFAULT_SPACE


def test_space_survives_a_yaml_round_trip(tmp_path):
    config = load_config(["classify"], ["search.space.model.dropout={float: [0, 0.5]}"])
    (tmp_path / "config.yaml").write_text(to_yaml(config))
    assert load_config([str(tmp_path / "config.yaml")]) == config


def test_varied_rejects_values_that_the_schema_rejects():
    with pytest.raises(ConfigError, match="less than 1"):
        varied(RunConfig(), {"model.dropout": 2.0})
