import numpy as np
import pytest
from keraunos.evaluation import bootstrap_intervals, classification_scores
from keraunos.evaluation.statistics import resampling
from keraunos.evaluation.statistics.intervals import WeightedScores
from keraunos.evaluation.statistics.proportions import share_interval
from keraunos.evaluation.statistics.resampling import draws
from sklearn import metrics


def answers(count, seed, skill=1.0, classes=3):
    """Labels and probabilities of a classifier that is right more often than not."""
    random = np.random.default_rng(seed)
    labels = random.choice(classes, count, p=[0.6, 0.3, 0.1])
    logits = random.normal(size=(count, classes)) + skill * np.eye(classes)[labels]
    # Rounded, so that there are ties.
    return labels, np.round(np.exp(logits) / np.exp(logits).sum(1, keepdims=True), 2)


def test_score_of_each_bootstrap_sample_equals_scikit_learn():
    labels, probabilities = answers(60, seed=0)
    weights = next(draws(labels, seed=1))[:5]
    scores = WeightedScores(labels, probabilities)(weights)
    for place, row in enumerate(weights):
        drawn = np.repeat(np.arange(60), row.astype(int))
        true, predicted = labels[drawn], probabilities[drawn].argmax(axis=1)
        areas = [
            metrics.roc_auc_score(true == label, probabilities[drawn, label])
            for label in range(3)
        ]
        expected = {
            "accuracy": metrics.accuracy_score(true, predicted),
            "balanced_accuracy": metrics.balanced_accuracy_score(true, predicted),
            "macro_f1": metrics.f1_score(true, predicted, average="macro"),
            "macro_roc_auc": np.mean(areas),
        }
        for name, value in expected.items():
            assert scores[name][place] == pytest.approx(value), name


def test_bootstrap_is_stratified_by_class():
    labels, _ = answers(50, seed=2)
    weights = np.concatenate(list(draws(labels)))
    assert weights.shape == (1000, 50)
    for label in range(3):
        assert set(weights[:, labels == label].sum(axis=1)) == {(labels == label).sum()}
    assert weights.std() > 0.9  # drawn with replacement


@pytest.mark.feature("confidence intervals")
@pytest.mark.nightly
def test_intervals_cover_the_truth_in_about_95_of_100_cases(monkeypatch):
    monkeypatch.setattr(resampling, "ROUNDS", 200)

    def recall(labels, probabilities):
        return classification_scores(labels, probabilities, list("abc"))["accuracy"]

    truth = recall(*answers(200_000, seed=99))
    held = 0
    for seed in range(100):
        low, high = bootstrap_intervals(*answers(120, seed))["accuracy"]
        held += low <= truth <= high
    assert 88 <= held <= 99


def patients(count, seed):
    """Five correlated images of one class for each patient."""
    labels, probabilities = answers(count, seed)
    noise = np.random.default_rng(seed + 1000).dirichlet(np.ones(3), 5 * count)
    rows = 0.9 * probabilities.repeat(5, axis=0) + 0.1 * noise
    return labels.repeat(5), rows, np.arange(count).repeat(5)


@pytest.mark.nightly
def test_intervals_cover_the_truth_only_if_groups_are_respected(monkeypatch):
    monkeypatch.setattr(resampling, "ROUNDS", 200)
    labels, rows, _ = patients(40_000, seed=99)
    right = rows.argmax(axis=1) == labels
    truth = right.mean()
    held = {"grouped": 0, "naive": 0, "share": 0}
    for seed in range(100):
        labels, rows, groups = patients(60, seed)
        found = {
            "grouped": bootstrap_intervals(labels, rows, groups=groups)["accuracy"],
            "naive": bootstrap_intervals(labels, rows)["accuracy"],
            "share": share_interval(rows.argmax(axis=1) == labels, groups),
        }
        for name, (low, high) in found.items():
            held[name] += low <= truth <= high
    assert 86 <= held["grouped"] <= 99
    assert 88 <= held["share"] <= 99
    assert held["naive"] < 75


def test_intervals_narrow_with_more_images_and_are_reproducible_by_seed():
    few, many = (bootstrap_intervals(*answers(n, seed=3)) for n in (80, 2000))
    for name, (low, high) in many.items():
        assert high - low < (few[name][1] - few[name][0]) / 2
    assert few == bootstrap_intervals(*answers(80, seed=3))
    assert few != bootstrap_intervals(*answers(80, seed=3), seed=1)


def test_class_without_examples_is_ignored():
    labels, probabilities = answers(40, seed=4)
    probabilities = np.hstack([probabilities, np.zeros((40, 1))])
    wide = bootstrap_intervals(labels, probabilities)
    assert wide == bootstrap_intervals(labels, probabilities[:, :3])
    assert "macro_roc_auc" not in bootstrap_intervals(np.zeros(5, int), probabilities[:5])


def test_whole_groups_are_resampled_within_their_most_common_class():
    labels = np.array([0, 0, 1, 1, 1, 0, 2, 2])
    groups = np.array([7, 7, 7, 3, 3, 3, 9, 4])  # mostly 0, mostly 1, and two of class 2
    weights = np.concatenate(list(draws(labels, groups)))
    for group in (7, 3):
        assert (weights[:, groups == group] == 1).all()  # the only one of its class
    assert set(weights[:, 6:].sum(axis=1)) == {2}
    assert set(np.unique(weights[:, 6])) == {0, 1, 2}


@pytest.mark.feature("groups in intervals")
def test_grouping_n_copies_widens_intervals_by_the_square_root_of_n():
    labels, probabilities = answers(200, seed=5)
    copied = labels.repeat(4), probabilities.repeat(4, axis=0)
    groups = np.arange(200).repeat(4)
    naive = bootstrap_intervals(*copied)
    grouped = bootstrap_intervals(*copied, groups=groups)
    for name, (low, high) in grouped.items():
        wider = (high - low) / (naive[name][1] - naive[name][0])
        assert wider == pytest.approx(np.sqrt(4), rel=0.15), name
    scores = classification_scores(*copied, list("abc"), groups)
    assert scores["intervals"]["accuracy"] == list(grouped["accuracy"])


def test_groups_of_single_images_barely_change_intervals():
    labels, probabilities = answers(90, seed=6)
    alone = np.random.default_rng(0).permutation(90)
    plain = bootstrap_intervals(labels, probabilities)
    for name, ends in bootstrap_intervals(labels, probabilities, groups=alone).items():
        assert ends == pytest.approx(plain[name], abs=0.02), name


def test_class_missing_from_a_bootstrap_sample_is_excluded_from_means():
    scores = WeightedScores(np.array([0, 0, 1]), np.eye(2)[[0, 1, 1]])
    without = scores(np.array([[1.0, 1.0, 0.0]]))
    assert without["balanced_accuracy"] == 0.5
    assert without["macro_f1"] == pytest.approx(2 / 3)
    assert np.isnan(without["macro_roc_auc"])


def test_memory_does_not_grow_quadratically_with_classes():
    random = np.random.default_rng(0)
    scores = WeightedScores(random.integers(0, 300, 900), random.random((900, 300)))
    assert scores(np.ones((2, 900)))["accuracy"].shape == (2,)
    arrays = [value for each in scores._sums for value in vars(each).values()]
    assert max(np.size(value) for value in arrays) == 900
