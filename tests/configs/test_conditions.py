import pytest
from keraunos.configs import RunConfig, SearchConfig, load_config, to_yaml, varied
from keraunos.configs.conditions import activations
from keraunos.core.errors import ConfigError
from pydantic import ValidationError

UNFREEZING = (
    "callbacks.backbone_finetuning: {bool: true}, "
    "callbacks.backbone_finetuning.stages: "
    "{int: [1, 3], when: {callbacks.backbone_finetuning: true}}"
)


def load(space: str, *overrides: str) -> RunConfig:
    return load_config(["classify"], [f"search.space={{{space}}}", *overrides])


def problems(space: str, *overrides: str) -> list[str]:
    """Returns the lines of the error for a space."""
    with pytest.raises(ConfigError) as caught:
        load(space, *overrides)
    return str(caught.value).splitlines()


def test_conditional_settings_are_validated_under_their_conditions():
    loss = "model.loss: {choice: [crossentropy, focal]}"
    gamma = "model.focal_gamma: {float: [0.5, 5.0], when: {model.loss: focal}}"
    assert list(load(f"{gamma}, {loss}").search.space) == [
        "model.focal_gamma",
        "model.loss",
    ]
    temperature = "model.temperature: {float: [0.1, 1.0], when: {model.head: cosine}}"
    heads = "model.head: {choice: [linear, cosine]}"
    assert load(f"{heads}, {temperature}")
    (line,) = problems(f"{heads}, {temperature.replace('cosine', 'linear')}")
    assert "head=linear has no option temperature" in line


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ("{model.los: focal}", "Did you mean model.loss?"),
        ("{seed: 1}", "These vary: model.focal_gamma, model.loss, model.dropout, data.b"),
        (
            "{model.loss: fokal}",
            "Received: model.loss='fokal'. These are crossentropy, f",
        ),
        ("{model.loss: [focal, fokal]}", "Received: model.loss='fokal'"),
        ("{model.dropout: 0.1}", "choices, or whole numbers"),
        ("{data.batch_size: 9}", "Received: data.batch_size=9. These are 8 to 16"),
        ("{data.batch_size: true}", "Received: data.batch_size=True"),
        ("{model.focal_gamma: 1}", "Received: model.focal_gamma=1"),
        ("focal", "Write when: {SETTING: VALUE}"),
        ("{}", "Write when: {SETTING: VALUE}"),
        ("{model.loss: []}", "Write when: {SETTING: VALUE}"),
    ],
)
def test_invalid_conditions_are_rejected_with_valid_alternatives(when, words):
    (line,) = problems(
        f"model.focal_gamma: {{choice: [1.5, 2.5], when: {when}}}, "
        "model.loss: {choice: [crossentropy, focal]}, model.dropout: {float: [0, 0.5]}, "
        "data.batch_size: {int: [8, 16], step: 4}"
    )
    assert words in line


def test_cyclic_conditions_are_rejected_and_named():
    (line,) = problems(
        "seed: {choice: [1, 2], when: {data.batch_size: 8}}, "
        "data.batch_size: {choice: [8, 9], when: {model.neighbors: 3}}, "
        "model.neighbors: {choice: [3, 4], when: {seed: 1}}"
    )
    assert "must not depend on each other in a cycle" in line
    assert "seed -> " in line or "-> seed" in line


def test_contradictory_conditions_are_detected():
    (line,) = problems(
        "model.loss: {choice: [crossentropy, focal]}, "
        "model.focal_gamma: {choice: [1.5, 2.5], when: {model.loss: focal}}, "
        "seed: {int: [0, 3], when: {model.focal_gamma: 1.5, model.loss: crossentropy}}"
    )
    assert "search.space.seed.when" in line
    assert "contradicts" in line


def test_incompatible_values_are_rejected_unless_a_condition_separates_them():
    loss = "model.loss: {choice: [crossentropy, class_balanced]}"
    balance = "data.class_balance: {choice: [none, sampling]%s}"
    (line,) = problems(f"{loss}, {balance % ''}")
    assert "Class imbalance must be compensated only once" in line
    assert "model.loss='class_balanced', data.class_balance='sampling'" in line
    assert load(f"{loss}, {balance % ', when: {model.loss: crossentropy}'}")


def test_activations_cover_all_transitive_dependencies():
    space = {
        "a": {"bool": True},
        "b": {"choice": {"x": 7, "y": [8]}, "when": {"a": True}},
        "c": {"int": [1, 2], "when": {"b": ["x", "y"]}},
    }
    assert list(activations(space, "c")) == [{"b": 7, "a": True}, {"b": [8], "a": True}]
    assert list(activations(space, "a", "b")) == [{"a": True}]


def test_switch_keeps_callback_options_and_choice_replaces_them():
    config = load(UNFREEZING, "callbacks.backbone_finetuning={at_epoch: 3}")
    name = "callbacks.backbone_finetuning"
    on = varied(config, {f"{name}.stages": 2, name: True})
    assert on.callbacks["backbone_finetuning"] == {"at_epoch": 3, "stages": 2}
    assert varied(config, {name: False}).callbacks["backbone_finetuning"] is None
    chosen = varied(config, {f"{name}.stages": 2, name: {"patience": 4}})
    assert chosen.callbacks["backbone_finetuning"] == {"patience": 4, "stages": 2}


def test_group_valued_choices_require_names():
    named = "optimizer.schedule: {choice: {flat: null, falling: {name: cosine}}}"
    assert load(named)
    (line,) = problems(named.replace("cosine", "kosine"))
    assert "optimizer.schedule.name" in line
    with pytest.raises(ValidationError, match="have text as the names"):
        SearchConfig(space={"optimizer.schedule": {"choice": {1: None}}})


def test_command_line_overrides_conditional_settings_and_null_removes_them(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(f"search: {{space: {{{UNFREEZING}, seed: {{int: [0, 3]}}}}}}\n")
    stages = "callbacks.backbone_finetuning.stages"
    override = f"search.space.{stages}={{choice: [1, 4]}}"
    space = load_config([str(file)], [override, "search.space.seed=null"]).search.space
    assert list(space) == ["callbacks.backbone_finetuning", stages]
    assert space[stages] == {"choice": [1, 4]}
    typed = [
        "search.space.callbacks.backbone_finetuning={bool: true}",
        f"search.space.{stages}={{int: [1, 2]}}",
    ]
    both = load_config(["classify"], typed).search.space
    assert both == {
        "callbacks.backbone_finetuning": {"bool": True},
        stages: {"int": [1, 2]},
    }


def test_conditions_survive_a_yaml_round_trip(tmp_path):
    config = load(UNFREEZING)
    (tmp_path / "config.yaml").write_text(to_yaml(config))
    assert load_config([str(tmp_path / "config.yaml")]) == config
