import numpy as np
import pytest
from keraunos.evaluation.proportions import wilson_interval, wilson_intervals
from scipy import stats


@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_wilson_intervals_are_those_of_scipy(confidence):
    totals = [1, 1, 7, 19, 118, 118]
    successes = [0, 1, 3, 19, 0, 77]
    found = wilson_intervals(successes, totals, confidence)
    for count, total, ends in zip(successes, totals, found, strict=True):
        test = stats.binomtest(count, total)
        wanted = test.proportion_ci(confidence, method="wilson")
        assert ends == pytest.approx([wanted.low, wanted.high], abs=1e-12)


def test_of_no_image_nothing_is_known():
    assert wilson_interval(0, 0) == [0.0, 1.0]


def test_a_wilson_interval_of_one_share_is_ready_for_json():
    ends = wilson_interval(3, 10)
    assert [type(end) for end in ends] == [float, float]
    assert ends == pytest.approx(wilson_intervals(np.array([3]), np.array([10]))[0])
