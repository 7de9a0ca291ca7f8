import numpy as np
import pytest
from keraunos.evaluation.statistics.proportions import (
    share_interval,
    wilson_interval,
    wilson_intervals,
)
from scipy import stats


@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_wilson_intervals_equal_scipy(confidence):
    totals = [1, 1, 7, 19, 118, 118]
    successes = [0, 1, 3, 19, 0, 77]
    found = wilson_intervals(successes, totals, confidence)
    for count, total, ends in zip(successes, totals, found, strict=True):
        test = stats.binomtest(count, total)
        wanted = test.proportion_ci(confidence, method="wilson")
        assert ends == pytest.approx([wanted.low, wanted.high], abs=1e-12)


def test_interval_without_images_spans_zero_to_one():
    assert wilson_interval(0, 0) == [0.0, 1.0]


def test_wilson_interval_of_a_single_proportion_is_json_serializable():
    ends = wilson_interval(3, 10)
    assert [type(end) for end in ends] == [float, float]
    assert ends == pytest.approx(wilson_intervals(np.array([3]), np.array([10]))[0])


def test_groups_reduce_the_effective_sample_size():
    hits = np.array([True] * 7 + [False] * 4)
    copies = hits.repeat(5), np.arange(11).repeat(5)
    assert share_interval(*copies) == pytest.approx(share_interval(hits))
    shuffled = np.random.default_rng(0).permutation(55)
    mixed = share_interval(copies[0], shuffled)
    assert mixed == pytest.approx(share_interval(copies[0]))  # groups of one image
    always = share_interval(np.ones(20, bool), np.arange(20) // 4)
    assert always == pytest.approx(wilson_interval(5, 5))
    assert share_interval(np.zeros(0, bool), np.zeros(0, int)) == [0.0, 1.0]


@pytest.mark.nightly
def test_intervals_of_proportions_equal_statsmodels():
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    for count, total in ((0, 4), (14, 16), (88, 102)):
        wanted = proportion.proportion_confint(count, total, method="wilson")
        hits = np.arange(total) < count
        assert share_interval(hits) == pytest.approx(wanted)
