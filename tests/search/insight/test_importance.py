import numpy as np
import pytest
from keraunos.search.insight.importance import LEAST_TRIALS, find_importances
from keraunos.search.insight.table import INACTIVE, Parameter, Table

PARAMETERS = [
    Parameter("switch", [False, True], is_category=True),
    Parameter("child", [0.0, 1.0]),
    Parameter("loss", ["a", "b", "c"], is_category=True),
    Parameter("noise", [0.0, 1.0]),
]


def random_trials(score, trials=40, seed=0):
    """Random trials; `child` varies where `switch` is on."""
    random = np.random.default_rng(seed)
    switch = random.integers(0, 2, trials)
    child = np.where(switch == 1, random.random(trials), INACTIVE)
    columns = [switch, child, random.integers(0, 3, trials), random.random(trials)]
    rows = np.stack(columns, 1).astype(float)
    return Table(PARAMETERS, [None] * trials, rows, score(rows, random))


@pytest.fixture(scope="module")
def importances():
    """Importances when the switch and the loss matter, and the child does not."""
    return find_importances(
        random_trials(
            lambda rows, random: (
                rows[:, 0] + 0.5 * (rows[:, 2] == 1) + random.normal(0, 0.05, 40)
            )
        )
    )


def test_important_settings_rank_first_and_noise_is_not_significant(importances):
    named = {each.parameter.name: each for each in importances.parameters}
    first, second, *_ = importances.parameters
    assert (first.parameter.name, second.parameter.name) == ("switch", "loss")
    assert importances.explained > 0.8
    assert named["switch"].is_clear
    assert named["loss"].is_clear
    assert not named["noise"].is_clear
    assert 0 < named["switch"].standard_error < named["switch"].mean


def test_conditional_setting_gets_no_credit_for_its_parent(importances):
    """It is shuffled only among trials that have it: the others would reveal the switch."""
    named = {each.parameter.name: each for each in importances.parameters}
    assert not named["child"].is_clear
    assert abs(named["child"].mean) < 0.02 < named["switch"].mean
    assert named["child"].trials < named["switch"].trials == 40


@pytest.mark.slow
def test_conditional_setting_that_matters_when_active_is_found():
    table = random_trials(lambda rows, _: np.where(rows[:, 1] >= 0, rows[:, 1], 0.5))
    first = find_importances(table).parameters[0]
    assert first.parameter.name == "child"
    assert first.mean > 0.5


@pytest.mark.parametrize(
    ("score", "trials", "reason"),
    [
        pytest.param(
            lambda rows, random: random.normal(size=len(rows)),
            30,
            "explains none of the",
            marks=pytest.mark.slow,
        ),
        (
            lambda rows, _: rows[:, 3],
            LEAST_TRIALS - 1,
            "too few trials have a score (9; 10 are needed)",
        ),
        (lambda rows, _: np.full(len(rows), 0.5), 12, "all trials have the same score"),
    ],
)
def test_no_importance_is_claimed_without_evidence(score, trials, reason):
    found = find_importances(random_trials(score, trials))
    assert reason in found.reason
    assert {each.mean for each in found.parameters} == {None}
    assert not any(each.is_clear for each in found.parameters)


def test_search_without_varying_settings_gives_that_reason():
    table = Table([], [None] * 12, np.zeros((12, 0)), np.arange(12.0))
    assert "nothing varied" in find_importances(table).reason
