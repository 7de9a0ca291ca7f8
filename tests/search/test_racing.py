"""When a trial over folds is abandoned, decided by the scores alone."""

import numpy as np
import pytest
from keraunos.search.racing import can_win, expected_score, p_value
from scipy import stats

RIVAL = [0.90, 0.80, 0.85, 0.88, 0.82]


@pytest.mark.parametrize(
    ("scores", "goes_on"),
    [
        ([], True),
        ([0.1], True),  # one difference has no spread
        ([0.30, 0.21], False),
        ([0.30, 0.60], True),  # far behind, but the difference is uncertain
        ([0.60, 0.52, 0.54], False),
        ([0.89, 0.79, 0.84, 0.87], True),  # always by 0.01: within the standard error
        ([0.84, 0.74, 0.79], False),  # always by 0.06
        ([0.95, 0.85, 0.90], True),
        ([0.1, 0.1, 0.1, 0.1, 0.1], True),  # there is nothing left to save
    ],
)
@pytest.mark.parametrize("mode", ["max", "min"])
def test_trial_is_abandoned_when_significantly_behind_its_rival(scores, goes_on, mode):
    sign = 1 if mode == "max" else -1
    scores, rival = [sign * s for s in scores], [sign * s for s in RIVAL]
    assert can_win(scores, rival, mode) is goes_on


def test_trial_without_a_rival_continues():
    assert can_win([0.1, 0.1], [], "max")


def test_differences_below_rounding_error_are_ignored():
    rival = [0.5, 0.5, 0.5]
    assert can_win([0.5 - 1e-12, 0.5 - 1e-12], rival, "max")
    assert not can_win([0.4, 0.4], rival, "max")


def test_p_value_is_that_of_the_corrected_resampled_t_test():
    scores, rival = np.array([0.6, 0.72, 0.64]), np.array(RIVAL)
    differences = scores - rival[:3]
    variance = differences.var(ddof=1) * (1 / 3 + 1 / 4)
    expected = stats.t.cdf(differences.mean() / np.sqrt(variance), df=2)
    assert p_value(scores.tolist(), RIVAL, "max") == pytest.approx(expected)
    plain = stats.ttest_rel(scores, rival[:3], alternative="less").pvalue
    assert plain < expected / 1.5


def test_fewer_than_one_percent_of_would_be_winners_are_abandoned():
    random = np.random.default_rng(5)
    fold = random.normal(0.8, 0.05, (1500, 1, 5))
    pairs = fold + random.normal(0, 0.03, (1500, 2, 5))
    own, rival = pairs[:, 0], pairs[:, 1]
    wins = own.mean(axis=1) > rival.mean(axis=1)
    given_up = [
        any(not can_win(o[:n], r, "max") for n in (2, 3, 4))
        for o, r in zip(own[wins].tolist(), rival[wins].tolist(), strict=True)
    ]
    assert len(given_up) > 600
    assert np.mean(given_up) < 0.01


def test_score_of_an_abandoned_trial_is_extrapolated_to_all_folds():
    assert expected_score(RIVAL, [0.1] * 5) == pytest.approx(np.mean(RIVAL))
    # The first two folds are the easy ones: their mean alone would be too good.
    rival = [0.90, 0.80, 0.60, 0.55, 0.65]
    assert expected_score([0.80, 0.70], rival) == pytest.approx(0.7 - 0.1)
