import numpy as np
import pytest
from keraunos.evaluation import classification_scores, summarize_folds

NAMES = ["cat", "dog", "emu"]


def fold(seed, count):
    random = np.random.default_rng(seed)
    labels, probabilities = random.integers(0, 3, count), random.dirichlet([1] * 3, count)
    return labels, probabilities, classification_scores(labels, probabilities, NAMES)


def test_scores_are_averaged_over_folds_and_confusion_matrices_summed():
    parts = [fold(seed, count) for seed, count in enumerate((11, 14, 8))]
    summary = summarize_folds([scores for _, _, scores in parts])
    values = [scores["balanced_accuracy"] for _, _, scores in parts]
    assert summary["folds"] == 3
    assert summary["balanced_accuracy"]["values"] == values
    assert summary["balanced_accuracy"]["mean"] == pytest.approx(np.mean(values))
    spread = np.sqrt(sum((v - np.mean(values)) ** 2 for v in values) / 2)
    assert summary["balanced_accuracy"]["standard_deviation"] == pytest.approx(spread)
    labels = np.concatenate([labels for labels, _, _ in parts])
    probabilities = np.concatenate([rows for _, rows, _ in parts])
    whole = classification_scores(labels, probabilities, NAMES)
    assert summary["confusion_matrix"] == whole["confusion_matrix"]


def test_fold_without_a_score_is_excluded_from_the_mean():
    one, two = {"confusion_matrix": [[1]]}, {"confusion_matrix": [[2]]}
    summary = summarize_folds([one | {"macro_roc_auc": None}, two | {"macro_roc_auc": 0.5}])
    assert summary["macro_roc_auc"]["values"] == [0.5]
    assert summary["macro_roc_auc"]["standard_deviation"] is None
