import math

import numpy as np
import pytest
from keraunos.models.weight_soup import SoupRecipe, make_soup

# Values of one weight, best at 1; the best single checkpoint first.
VALUES = {"a": 0.7, "b": 1.4, "c": 1.6, "d": 0.3}


def soup_of(kind, names="abcd", mode="min", aim=1.0):
    recipe = SoupRecipe(kind, list(names), "val_loss", mode)
    sign = 1 if mode == "min" else -1

    def read(name):
        return {"w": np.array([VALUES[name]], "float32"), "count": np.array(7)}

    def score(weights):
        assert weights["w"].dtype == np.float32
        assert weights["count"] == 7
        return sign * abs(float(weights["w"][0]) - aim)

    return make_soup(recipe, read, score)


@pytest.mark.feature("soup of checkpoints")
@pytest.mark.parametrize("mode", ["min", "max"])
def test_greedy_soup_adds_checkpoints_that_do_not_make_it_worse(mode):
    soup, weights = soup_of("greedy", mode=mode)
    assert soup.members == ["a", "b"]
    np.testing.assert_allclose(weights["w"], [1.05], rtol=1e-6)
    assert abs(soup.score) == pytest.approx(0.05, rel=1e-5)
    assert abs(soup.best_score) == pytest.approx(0.3, rel=1e-5)
    tried = {"b": 1.05, "c": 3.7 / 3, "d": 0.8}
    assert soup.tried.keys() == tried.keys()
    for name, mean in tried.items():
        assert abs(soup.tried[name]) == pytest.approx(abs(mean - 1), rel=1e-4)
    assert soup.is_exported
    assert "the average of 2 checkpoints" in soup.describe()


def test_uniform_soup_averages_all_checkpoints_or_none():
    soup, weights = soup_of("uniform")
    assert soup.members == ["a", "b", "c", "d"]
    np.testing.assert_allclose(weights["w"], [1.0], rtol=1e-6)
    soup, weights = soup_of("uniform", names="abc", aim=0.75)
    assert soup.members == ["a"]
    np.testing.assert_allclose(weights["w"], [0.7], rtol=1e-6)
    assert not soup.is_exported
    assert "which is kept" in soup.describe()


def test_soup_of_a_single_checkpoint_is_that_checkpoint():
    for kind in ("greedy", "uniform"):
        soup, weights = soup_of(kind, names="b")
        assert (soup.members, soup.tried) == (["b"], {})
        assert weights["w"] == np.float32(1.4)


def test_average_with_a_nan_score_is_skipped():
    recipe = SoupRecipe("greedy", ["a", "b"], "val_loss", "min")
    scores = iter([0.5, math.nan])
    soup, weights = make_soup(
        recipe,
        lambda name: {"w": np.array([VALUES[name]])},
        lambda weights: next(scores),
    )
    assert soup.members == ["a"]
    assert weights["w"] == 0.7
