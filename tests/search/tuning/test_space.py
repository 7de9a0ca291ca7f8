import json

import keras_tuner
import pytest
from keraunos.callbacks.monitor import Monitor
from keraunos.configs import DEFAULT_SPACE, SearchConfig
from keraunos.search.tuning.oracles import RandomOracle, create_oracle
from keraunos.search.tuning.points import number_of_points
from keraunos.search.tuning.space import decoded, describe_space, hyperparameters

SPACE = {
    "float": {"float": [1e-5, 1e-2], "log": True},
    "int": {"int": [1, 8]},
    "step": {"float": [0.0, 1.0], "step": 0.25},
    "numbers": {"choice": [0, 0.25, 1]},
    "mixed": {"choice": ["fresh", 4, None]},
    "switch": {"bool": True},
}


@pytest.fixture(scope="module")
def sampled_settings():
    """The settings of fifty trials."""
    oracle = RandomOracle("val_loss", 50, seed=1, hyperparameters=hyperparameters(SPACE))
    oracle.verbose = 0
    trials = [oracle.create_trial(str(number)) for number in range(50)]
    return [decoded(SPACE, trial.hyperparameters.values) for trial in trials]


def test_numbers_stay_within_their_bounds(sampled_settings):
    assert all(1e-5 <= each["float"] <= 1e-2 for each in sampled_settings)
    assert {each["int"] for each in sampled_settings} == set(range(1, 9))
    assert {each["step"] for each in sampled_settings} == {0.0, 0.25, 0.5, 0.75, 1.0}


def test_log_sampling_draws_small_and_large_numbers_equally_often(sampled_settings):
    small = sum(each["float"] < 10**-3.5 for each in sampled_settings)
    assert 12 < small < 38  # without log one or two


def test_choices_keep_their_values_and_types(sampled_settings):
    for name in ("numbers", "mixed"):
        found = {(type(each[name]), each[name]) for each in sampled_settings}
        assert found == {(type(value), value) for value in SPACE[name]["choice"]}
    assert {each["switch"] for each in sampled_settings} == {True, False}


def test_oracle_metadata_is_excluded_from_settings():
    space = {"seed": {"int": [0, 3]}}
    assert decoded(space, {"seed": 2, "tuner/epochs": 4}) == {"seed": 2}


def test_every_domain_is_described():
    lines = describe_space(SPACE | DEFAULT_SPACE)
    assert len(lines) == len(SPACE) + len(DEFAULT_SPACE)
    assert "float: 1e-05 to 0.01, log" in lines
    assert 'mixed: one of "fresh", 4, null' in lines
    assert "switch: true or false" in lines


CONDITIONAL = {
    "stages": {"int": [1, 3], "when": {"unfreeze": True, "loss": ["plain", "focal"]}},
    "unfreeze": {"bool": True},
    "loss": {"choice": {"plain": {"rate": 1}, "focal": {"rate": 2}, "none": None}},
    "gamma": {"choice": [0.5, 1], "when": {"loss": "focal"}},
    "deep": {"choice": ["x", None], "when": {"stages": [2, 3]}},
}


def is_active(values, name):
    """Whether a setting should vary beside these, by the conditions above."""
    unfreezes = values["unfreeze"] and values["loss"] is not None
    return {
        "stages": unfreezes,
        "gamma": values["loss"] == {"rate": 2},
        "deep": unfreezes and values.get("stages") in (2, 3),
    }.get(name, True)


def settings_of_all_trials(tuner, max_trials):
    """The settings of all trials; the score depends on what they are."""
    search = SearchConfig(tuner=tuner, max_trials=max_trials)
    space = hyperparameters(CONDITIONAL)
    oracle = create_oracle(search, Monitor("val_accuracy"), space, 1, max_epochs=3)
    found = []
    while (values := oracle.next_trial(str(len(found)))) is not None:
        found.append(decoded(CONDITIONAL, values.values))
        trial = oracle.trials[oracle.start_order[-1]]
        score = {"val_accuracy": len(str(found[-1])) / 100}
        oracle.update_trial(trial.trial_id, score, 1)
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    return found


@pytest.mark.parametrize(
    ("tuner", "max_trials"),
    [
        ("grid", 100),
        ("random", 12),
        ("hyperband", 1),
        pytest.param("bayesian", 18, marks=pytest.mark.nightly),
    ],
)
def test_oracles_give_values_only_to_active_conditional_settings(tuner, max_trials):
    found = settings_of_all_trials(tuner, max_trials)
    for values in found:
        for name in CONDITIONAL:
            assert (name in values) is is_active(values, name)
    assert len({name for values in found for name in values}) == len(CONDITIONAL)
    if tuner == "grid":  # 4 without unfreezing, 5 + 10 with it, and 1 without a loss
        assert len(found) == len({str(values) for values in found}) == 20


def test_conditions_are_described():
    lines = describe_space(CONDITIONAL)
    wanted = "stages: 1 to 3, when unfreeze is true, when loss is plain or focal"
    assert lines[0] == wanted
    assert lines[2] == "loss: one of plain, focal, none"


def test_conditions_survive_serialization():
    space = hyperparameters(CONDITIONAL)
    content = json.loads(json.dumps(space.get_config()))
    again = keras_tuner.HyperParameters.from_config(content)
    again.values = {"unfreeze": True, "loss": "focal", "stages": 1}
    assert [each.name for each in again.space if again.is_active(each)] == [
        "unfreeze",
        "loss",
        "stages",
        "gamma",
    ]


def test_combinations_count_only_active_settings():
    assert number_of_points(hyperparameters(CONDITIONAL)) == 20
    ranged = CONDITIONAL | {"rate": {"float": [0, 1], "when": {"loss": "focal"}}}
    assert number_of_points(hyperparameters(ranged)) is None
