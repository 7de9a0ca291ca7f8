"""Regression scores against scikit-learn; intervals against their nominal coverage."""

import json

import numpy as np
import pytest
from keraunos.evaluation.regression import (
    interval_coverage,
    regression_scores,
    residual_quantiles,
)
from keraunos.evaluation.regression.figure import scatter_figure
from sklearn import metrics

NAMES = ["age", "thickness"]


def random_targets(images: int, seed: int = 0):
    """`(images, 2)` of large and of small numbers, and predictions of them."""
    random = np.random.default_rng(seed)
    targets = random.normal([5000, 0.3], [10, 0.1], (images, 2))
    return targets, targets + random.normal([1, 0.02], [5, 0.1], (images, 2))


@pytest.fixture(scope="module")
def scores():
    return regression_scores(*random_targets(53), NAMES)


def test_scores_equal_scikit_learn(scores):
    targets, predictions = random_targets(53)
    for place, name in enumerate(NAMES):
        pair, found = (targets[:, place], predictions[:, place]), scores["per_target"][name]
        assert found["mean_absolute_error"] == pytest.approx(
            metrics.mean_absolute_error(*pair)
        )
        assert found["root_mean_squared_error"] == pytest.approx(
            metrics.root_mean_squared_error(*pair)
        )
        assert found["median_absolute_error"] == pytest.approx(
            metrics.median_absolute_error(*pair)
        )
        assert found["r2"] == pytest.approx(metrics.r2_score(*pair))
        assert found["bias"] == pytest.approx((pair[1] - pair[0]).mean())
    assert scores["r2"] == pytest.approx(metrics.r2_score(targets, predictions))
    assert json.loads(json.dumps(scores)) == scores


def test_each_score_lies_within_its_interval(scores):
    for each in (scores, *scores["per_target"].values()):
        for name, (low, high) in each["intervals"].items():
            assert low < each[name] < high, name


def test_r2_does_not_depend_on_the_unit():
    targets, predictions = random_targets(30)
    usual = regression_scores(targets, predictions, NAMES)
    found = regression_scores(targets * 1e-12, predictions * 1e-12, NAMES)
    assert found["r2"] == pytest.approx(usual["r2"])
    assert found["intervals"]["r2"] == pytest.approx(usual["intervals"]["r2"])


def test_equal_targets_have_no_r2():
    found = regression_scores(np.full((5, 1), 3.1), np.arange(5.0)[:, None], ["age"])
    assert found["r2"] is None
    assert "r2" not in found["intervals"]
    assert found["per_target"]["age"]["r2"] is None


def test_constant_prediction_of_the_mean_has_an_r2_of_zero():
    targets = np.arange(7.0)[:, None]
    found = regression_scores(targets, np.full((7, 1), 3.0), ["age"])
    assert found["r2"] == pytest.approx(0)


def test_prediction_intervals_reach_their_nominal_coverage():
    """Averaged over many validation sets, since a single one may deviate."""
    held = []
    for seed in range(200):
        widths = residual_quantiles(*random_targets(39, seed), coverage=0.8)
        held.append(interval_coverage(*random_targets(200, 1000 + seed), widths))
    assert np.mean(held) == pytest.approx(0.8, abs=0.01)


def test_too_few_images_have_no_interval():
    assert residual_quantiles(*random_targets(8), coverage=0.9) == [None, None]
    assert None not in residual_quantiles(*random_targets(9), coverage=0.9)
    assert interval_coverage(*random_targets(5), [None, 1e9]) == [None, 1.0]


def test_scatter_plot_has_a_panel_for_each_target():
    figure = scatter_figure(*random_targets(20), NAMES, [8.0, None])
    assert [axis.get_title() for axis in figure.axes] == NAMES
