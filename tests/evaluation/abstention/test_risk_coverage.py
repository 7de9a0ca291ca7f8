import numpy as np
import pytest
from keraunos.evaluation.abstention.risk_coverage import SelectiveRisk
from simulated import simulated


def reference_risks(labels, probabilities):
    """The risk of each number of images kept, most confident first, without ties."""
    order = np.argsort(-probabilities.max(axis=1), kind="stable")
    wrong = (probabilities.argmax(axis=1) != labels)[order]
    return np.cumsum(wrong) / np.arange(1, len(wrong) + 1)


def test_area_under_the_curve_is_the_mean_risk_over_all_coverages():
    split = simulated(97)
    ranked = SelectiveRisk(split.labels, split.probabilities)
    risks = reference_risks(split.labels, split.probabilities)
    assert len(np.unique(split.probabilities.max(axis=1))) == 97
    assert ranked.areas(np.ones((1, 97)))[0] == pytest.approx(risks.mean(), abs=1e-12)
    curve = ranked.curve()
    assert (curve.wrong / curve.kept).tolist() == pytest.approx(risks.tolist())


def test_weights_equal_repeated_images():
    split = simulated(31)
    weights = np.random.default_rng(1).integers(0, 4, (3, 31)).astype(float)
    areas = SelectiveRisk(split.labels, split.probabilities).areas(weights)
    for row, area in zip(weights, areas, strict=True):
        rows = np.repeat(np.arange(31), row.astype(int))
        repeated = SelectiveRisk(split.labels[rows], split.probabilities[rows])
        assert repeated.areas(np.ones((1, len(rows))))[0] == pytest.approx(area)


def test_images_of_equal_confidence_are_kept_together_in_any_order():
    rows = np.array([[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.9, 0.1], [0.6, 0.4]])
    labels = np.array([0, 1, 1, 1, 0])
    curves = [
        SelectiveRisk(labels[order], rows[order])
        for order in (slice(None), slice(None, None, -1))
    ]
    for each in curves:
        curve = each.curve()
        assert curve.thresholds.tolist() == [0.9, 0.7, 0.6]
        assert (curve.kept.tolist(), curve.wrong.tolist()) == ([3, 4, 5], [2, 2, 2])
        assert curve.place_of_share(0.2) == 0
        assert curve.place_of_share(0.8) == 1
        area = each.areas(np.ones((1, 5)))[0]
        assert area == pytest.approx((3 * 2 / 3 + 1 * 2 / 4 + 1 * 2 / 5) / 5)


def test_target_risk_counts_one_extra_image_as_wrong():
    confidence = np.linspace(0.99, 0.6, 40)
    rows = np.stack([confidence, 1 - confidence], axis=1)
    labels = np.zeros(40, int)
    labels[30:] = 1
    curve = SelectiveRisk(labels, rows).curve()
    place = curve.place_of_risk(0.1)  # 30 of 30 right: 1 / 31; with two wrong: 3 / 33
    assert curve.kept[place] == 32
    assert curve.wrong[place] == 2
    assert curve.place_of_risk(0.01) is None
    assert curve.at(curve.thresholds[place]) == (32, 2)
    assert curve.at(1.0) == (0, 0)
    assert curve.at(0.0) == (40, 10)


def test_thinned_curve_keeps_its_endpoints():
    split = simulated(5000)
    curve = SelectiveRisk(split.labels, split.probabilities).curve()
    thin = curve.thinned(200)
    assert len(thin.kept) == 200
    assert thin.kept[[0, -1]].tolist() == curve.kept[[0, -1]].tolist()
