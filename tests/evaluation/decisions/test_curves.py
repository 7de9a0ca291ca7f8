import numpy as np
import pytest
from drawn_predictions import drawn
from keraunos.evaluation.decisions.binary_scores import alarm_scores, ranking_scores
from keraunos.evaluation.decisions.class_groups import BinaryTask
from keraunos.evaluation.decisions.curves import curve_of
from keraunos.evaluation.statistics.areas import Areas
from keraunos.evaluation.statistics.resampling import draws
from sklearn import metrics

GROUP = BinaryTask("pets", (0, 2), is_group=True)


def scored(seed, images=70):
    split = drawn(images, seed)
    return split.labels, GROUP.truth(split.labels), GROUP.score(split.probabilities)


def test_curves_equal_scikit_learn():
    _, truth, score = scored(seed=0)
    curve = curve_of(truth, score)
    assert len(curve.thresholds) < len(score)  # some are equal
    rates = metrics.roc_curve(truth, score, drop_intermediate=False)
    np.testing.assert_allclose(curve.false_positive_rate, rates[0][1:])
    np.testing.assert_allclose(curve.sensitivity, rates[1][1:])
    np.testing.assert_array_equal(curve.thresholds, rates[2][1:])
    precision, recall, _ = metrics.precision_recall_curve(truth, score)
    np.testing.assert_allclose(curve.precision, precision[-2::-1])
    np.testing.assert_allclose(curve.sensitivity, recall[-2::-1])


def test_weighted_areas_equal_scikit_learn():
    labels, truth, score = scored(seed=1)
    weights = next(draws(labels))[:4]
    ranking = Areas(truth, score)
    areas = ranking.both(weights)
    for place, weight in enumerate(weights):
        area = metrics.roc_auc_score(truth, score, sample_weight=weight)
        assert areas[0][place] == pytest.approx(area)
        precision = metrics.average_precision_score(truth, score, sample_weight=weight)
        assert areas[1][place] == pytest.approx(precision)


def test_areas_lie_within_intervals_that_groups_widen():
    labels, truth, score = scored(seed=2, images=120)
    found = ranking_scores({"pets": Areas(truth, score)}, labels)["pets"]
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(truth, score))
    copied = Areas(truth.repeat(4), score.repeat(4))
    groups = np.arange(120).repeat(4)
    grouped = ranking_scores({"pets": copied}, labels.repeat(4), groups)["pets"]
    for name, (low, high) in found["intervals"].items():
        assert low < found[name] < high
        wide = np.subtract(*grouped["intervals"][name][::-1])
        assert wide == pytest.approx(high - low, rel=0.15)


def test_alarm_scores_equal_scikit_learn():
    labels, truth, score = scored(seed=3)
    alarm = score >= 0.6
    found = alarm_scores(truth, alarm, labels)
    matrix = [
        [found["true_negatives"], found["false_positives"]],
        [found["false_negatives"], found["true_positives"]],
    ]
    assert matrix == metrics.confusion_matrix(truth, alarm).tolist()
    expected = {
        "sensitivity": metrics.recall_score(truth, alarm),
        "specificity": metrics.recall_score(~truth, ~alarm),
        "precision": metrics.precision_score(truth, alarm),
        "negative_predictive_value": metrics.precision_score(~truth, ~alarm),
        "f1": metrics.f1_score(truth, alarm),
    }
    for name, value in expected.items():
        low, high = found["intervals"][name]
        assert found[name] == pytest.approx(value)
        assert low < value < high


def test_scores_with_a_zero_denominator_are_none():
    truth = np.array([False, False])
    found = alarm_scores(truth, truth, truth.astype(int))
    assert found["sensitivity"] is None
    assert found["precision"] is None
    assert found["f1"] is None
    assert set(found["intervals"]) == {"specificity", "negative_predictive_value"}


def test_thinned_curve_keeps_exact_counts_and_endpoints():
    labels = np.arange(5000) % 50 == 0
    score = np.random.default_rng(0).permutation(5000) / 5000 + labels
    curve, thin = curve_of(labels, score), curve_of(labels, score).thinned(200)
    assert 150 < len(thin.thresholds) <= 200
    assert (thin.thresholds[0], thin.thresholds[-1]) == (score.max(), score.min())
    for threshold, hits, alarms in zip(
        thin.thresholds, thin.true_positives, thin.false_positives, strict=True
    ):
        assert hits == (labels & (score >= threshold)).sum()
        assert alarms == (~labels & (score >= threshold)).sum()
    assert set(thin.true_positives) == set(range(1, 101))  # every step of the rare class
    assert curve.thinned(5000) is curve
