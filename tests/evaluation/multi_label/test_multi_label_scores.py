"""Scores of several labels per image, against scikit-learn."""

import json

import numpy as np
import pytest
from keraunos.evaluation.multi_label import best_f1_thresholds, multi_label_scores
from sklearn import metrics

NAMES = ["hair", "ink", "ruler", "never", "always"]


@pytest.fixture(scope="module")
def case():
    """`(47, 5)` targets and probabilities; one label is never there, one always."""
    random = np.random.default_rng(4)
    targets = random.random((47, 5)) < [0.3, 0.1, 0.6, 0, 1]
    noise = random.random(targets.shape).round(1)  # with ties
    return targets, (0.4 * targets + 0.6 * noise).clip(0, 1)


@pytest.fixture(scope="module")
def scores(case):
    return multi_label_scores(*case, NAMES, [0.6, 0.4, None, 0.5, None])


def test_scores_equal_scikit_learn(case, scores):
    targets, probabilities = case
    predicted = probabilities >= [0.6, 0.4, 0.5, 0.5, 0.5]
    both, present = slice(3), [0, 1, 2, 4]
    ranked = targets[:, both], probabilities[:, both]
    expected = {
        "mean_average_precision": metrics.average_precision_score(*ranked, average="macro"),
        "macro_roc_auc": metrics.roc_auc_score(*ranked, average="macro"),
        "macro_f1": metrics.f1_score(
            targets[:, present], predicted[:, present], average="macro"
        ),
        "micro_f1": metrics.f1_score(targets, predicted, average="micro"),
        "exact_match": metrics.accuracy_score(targets, predicted),
        "hamming_loss": metrics.hamming_loss(targets, predicted),
    }
    assert {name: scores[name] for name in expected} == pytest.approx(expected)
    columns = metrics.precision_recall_fscore_support(targets, predicted, zero_division=0)
    for place, name in enumerate(NAMES[both]):
        ranked = targets[:, place], probabilities[:, place]
        values = {
            "precision": columns[0][place],
            "recall": columns[1][place],
            "f1": columns[2][place],
            "support": columns[3][place],
            "roc_auc": metrics.roc_auc_score(*ranked),
            "average_precision": metrics.average_precision_score(*ranked),
            "threshold": [0.6, 0.4, 0.5][place],
        }
        assert scores["per_label"][name] == pytest.approx(values), name
    assert json.loads(json.dumps(scores)) == scores


def test_each_score_lies_within_its_interval(scores):
    for name, (low, high) in scores["intervals"].items():
        assert low < scores[name] < high, name
    assert len(scores["intervals"]) == 6


def test_labels_without_both_outcomes_are_listed(scores):
    assert scores["labels_without_both"] == ["never", "always"]
    assert scores["per_label"]["never"]["roc_auc"] is None
    assert scores["per_label"]["never"]["recall"] is None
    assert scores["per_label"]["always"]["average_precision"] is None


def test_single_outcome_has_no_ranking_scores_or_intervals():
    alone = multi_label_scores(np.ones((3, 1), bool), np.full((3, 1), 0.7), ["a"])
    assert alone["mean_average_precision"] is None
    assert alone["macro_f1"] == 1
    assert "mean_average_precision" not in alone["intervals"]


def test_groups_widen_intervals(case):
    targets, probabilities = (np.repeat(each, 4, axis=0) for each in case)
    plain = multi_label_scores(targets, probabilities, NAMES)
    groups = np.repeat(np.arange(47), 4)
    grouped = multi_label_scores(targets, probabilities, NAMES, groups=groups)
    assert grouped["micro_f1"] == plain["micro_f1"]
    widths = [np.ptp(each["intervals"]["micro_f1"]) for each in (grouped, plain)]
    assert widths[0] > 1.5 * widths[1]


def test_thresholds_maximize_f1(case):
    targets, probabilities = case
    found = best_f1_thresholds(targets, probabilities)
    assert found[3:] == [None, None]
    for place, threshold in enumerate(found[:3]):
        truth, score = targets[:, place], probabilities[:, place]
        best = max(metrics.f1_score(truth, score >= each) for each in np.unique(score))
        assert metrics.f1_score(truth, score >= threshold) == pytest.approx(best)
        assert np.abs(score - threshold).min() > 1e-3  # between two scores
