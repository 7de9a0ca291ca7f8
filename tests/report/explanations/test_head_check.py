"""Maps that do not depend on the head are noticed."""

import numpy as np
import pytest
from keraunos.report.explanations.head_check import (
    BOUND,
    LEAST_IMAGES,
    check_head,
    rank_correlations,
)
from scipy import stats

RANDOM = np.random.default_rng(0)


def test_rank_correlations_equal_scipy():
    first, second = RANDOM.integers(0, 6, (2, 5, 3, 4)).astype(float)
    expected = [
        stats.spearmanr(a.ravel(), b.ravel()).statistic
        for a, b in zip(first, second, strict=True)
    ]
    np.testing.assert_allclose(rank_correlations(first, second), expected)


def test_constant_or_non_finite_maps_have_no_correlation():
    maps = np.ones((3, 2, 2))
    maps[1] = [[1, 2], [3, np.nan]]
    maps[2] = [[1, 2], [3, np.inf]]
    assert np.isnan(rank_correlations(maps, RANDOM.normal(size=(3, 2, 2)))).all()


@pytest.mark.feature("Grad-CAM")
def test_edge_like_maps_independent_of_the_head_fail():
    edges = RANDOM.normal(size=(30, 1, 7, 7))
    maps = edges + 0.2 * RANDOM.normal(size=(30, 6, 7, 7))
    check = check_head(maps)
    assert check.median > 0.9
    assert not check.is_passed
    assert check.values()["passed"] is False


def test_maps_that_change_with_the_head_pass():
    check = check_head(RANDOM.normal(size=(30, 6, 7, 7)))
    assert abs(check.median) < 0.1
    assert check.values() == {
        "images": 30,
        "correlations": pytest.approx(check.correlations, abs=1e-6),
        "median": check.median,
        "bound": BOUND,
        "passed": True,
    }


def test_constant_maps_of_some_heads_are_ignored():
    maps = RANDOM.normal(size=(1, 3, 2, 2))
    maps[0, 2] = 0
    expected = rank_correlations(maps[:, 0], maps[:, 1])
    assert check_head(maps).correlations == pytest.approx(expected)


def test_check_has_no_result_with_too_few_images():
    maps = RANDOM.normal(size=(LEAST_IMAGES, 3, 4, 4))
    assert not check_head(maps).problem
    maps[3] = 0
    assert "there are 19" in check_head(maps).problem
    assert check_head(maps).values()["passed"] is None
