"""Intervals of models that are always right, or always wrong, within a class."""

import numpy as np
import pytest
from keraunos.evaluation import bootstrap_intervals
from keraunos.evaluation.statistics import resampling
from keraunos.evaluation.statistics.boundary import widen
from scipy import stats

COUNTS = np.array([40, 12, 3])
LABELS = np.repeat(np.arange(3), COUNTS)


def intervals(*recalls, copies=1, groups=None):
    """Intervals of a model that is always right or always wrong within a class."""
    accuracies = {
        "accuracy": np.array(recalls) @ COUNTS / 55,
        "balanced_accuracy": np.mean(recalls),
    }
    narrow = {name: (value, value) for name, value in accuracies.items()}
    labels = LABELS.repeat(copies)
    return widen(narrow, labels, np.array(recalls, bool)[labels], groups=groups)


def test_interval_of_a_perfect_model_is_the_clopper_pearson_interval():
    exact = stats.binomtest(55, 55).proportion_ci(method="exact")
    assert intervals(1, 1, 1)["accuracy"] == pytest.approx((exact.low, exact.high))
    assert intervals(0, 0, 0)["accuracy"] == pytest.approx((0, 1 - exact.low))


def test_interval_of_a_class_that_is_never_right_is_widened_upward():
    low, high = intervals(1, 0, 0)["balanced_accuracy"]
    alone = stats.binomtest(40, 40).proportion_ci(method="exact").low
    assert low == pytest.approx(alone / 3)
    both = 1 - intervals(0, 1, 1)["balanced_accuracy"][0]
    assert high == pytest.approx(both)


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy"])
def test_lower_bound_excludes_models_that_rarely_look_perfect(name):
    low = intervals(1, 1, 1)[name][0]
    recalls = np.random.default_rng(0).uniform([0.9, 0.7, 0.2], 1, (100_000, 3))
    weights = COUNTS / 55 if name == "accuracy" else np.full(3, 1 / 3)
    worse = recalls[recalls @ weights < low]
    perfect = np.prod(worse**COUNTS, axis=1)
    assert len(worse) > 1000
    assert 0.02 < perfect.max() < 0.025  # and no bound is tighter


def test_images_of_one_patient_count_as_one_image():
    found = intervals(1, 1, 1, copies=4, groups=np.arange(55).repeat(4))
    for name, ends in intervals(1, 1, 1).items():
        assert found[name] == pytest.approx(ends)


def test_only_intervals_of_classes_without_mistakes_are_widened():
    right = np.ones(55, bool)
    right[[0, 40, 52]] = False
    narrow = {"accuracy": (0.9, 0.95), "balanced_accuracy": (0.8, 0.9), "macro_f1": (0, 1)}
    assert widen(narrow, LABELS, right) == narrow
    right[52] = True  # the three images of the last class say little
    low, high = widen(narrow, LABELS, right)["balanced_accuracy"]
    hidden = 1 - stats.binomtest(3, 3).proportion_ci(method="exact").low
    mean = np.mean([39 / 40, 11 / 12, 1])
    assert mean - low == pytest.approx(np.hypot(mean - 0.8, hidden / 3))
    assert high == 0.9


@pytest.mark.feature("confidence intervals")
def test_intervals_cover_the_truth_for_nearly_perfect_models(monkeypatch):
    monkeypatch.setattr(resampling, "ROUNDS", 200)
    recalls = np.array([0.99, 0.98, 0.95])
    truth = {"accuracy": recalls @ COUNTS / 55, "balanced_accuracy": recalls.mean()}
    random, held = np.random.default_rng(0), dict.fromkeys(truth, 0)
    perfect = 0
    for _ in range(200):
        right = random.random(55) < recalls[LABELS]
        perfect += right.all()
        rows = np.eye(3)[np.where(right, LABELS, (LABELS + 1) % 3)]
        found = bootstrap_intervals(LABELS, rows)
        for name, value in truth.items():
            held[name] += found[name][0] <= value <= found[name][1]
    assert 70 < perfect < 110  # a plain bootstrap interval misses the truth in all of these
    assert min(held.values()) >= 186
