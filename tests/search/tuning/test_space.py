import pytest
from keraunos.configs import DEFAULT_SPACE
from keraunos.search.tuning.oracles import RandomOracle
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
def drawn():
    """The settings of fifty trials."""
    oracle = RandomOracle("val_loss", 50, seed=1, hyperparameters=hyperparameters(SPACE))
    oracle.verbose = 0
    trials = [oracle.create_trial(str(number)) for number in range(50)]
    return [decoded(SPACE, trial.hyperparameters.values) for trial in trials]


def test_numbers_stay_within_their_bounds(drawn):
    assert all(1e-5 <= each["float"] <= 1e-2 for each in drawn)
    assert {each["int"] for each in drawn} == set(range(1, 9))
    assert {each["step"] for each in drawn} == {0.0, 0.25, 0.5, 0.75, 1.0}


def test_log_draws_as_many_small_numbers_as_large_ones(drawn):
    small = sum(each["float"] < 10**-3.5 for each in drawn)
    assert 12 < small < 38  # without log one or two


def test_choices_come_back_as_they_were_written(drawn):
    for name in ("numbers", "mixed"):
        found = {(type(each[name]), each[name]) for each in drawn}
        assert found == {(type(value), value) for value in SPACE[name]["choice"]}
    assert {each["switch"] for each in drawn} == {True, False}


def test_the_notes_of_an_oracle_are_no_settings():
    space = {"seed": {"int": [0, 3]}}
    assert decoded(space, {"seed": 2, "tuner/epochs": 4}) == {"seed": 2}


def test_every_domain_is_described():
    lines = describe_space(SPACE | DEFAULT_SPACE)
    assert len(lines) == len(SPACE) + len(DEFAULT_SPACE)
    assert "float: 1e-05 to 0.01, log" in lines
    assert 'mixed: one of "fresh", 4, null' in lines
    assert "switch: true or false" in lines
