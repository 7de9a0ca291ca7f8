import dataclasses

import numpy as np
import pytest
from drawn_predictions import drawn
from keraunos.core.errors import ConfigError
from keraunos.evaluation.calibration.scaling import fit_correction
from keraunos.evaluation.decisions.costs import Costs
from keraunos.evaluation.evidence import Evidence

COSTS = {
    "cat": {"dog": 1.0, "emu": 2.0, "ask": 0.6},
    "dog": {"cat": 8.0, "emu": 5.0, "ask": 0.6},
    "emu": {"cat": 1.0, "dog": 1.0, "ask": 0.6, "emu": 0.1},
}
MATRIX = np.array([[0, 1, 2, 0.6], [8, 0, 5, 0.6], [1, 1, 0.1, 0.6]])


@pytest.mark.feature("costs of decisions")
def test_each_image_gets_the_decision_with_the_lowest_expected_cost():
    test = drawn(90, seed=0)
    finding = Costs(COSTS).evaluate(Evidence(test))
    spent, plain = [], []
    counts = np.zeros((3, 4), int)
    for label, row in zip(test.labels, test.probabilities, strict=True):
        expected = [sum(row[c] * MATRIX[c][d] for c in range(3)) for d in range(4)]
        decision = int(np.argmin(expected))
        counts[label, decision] += 1
        spent.append(MATRIX[label][decision])
        plain.append(MATRIX[label][row.argmax()])
    policies = finding.values["policies"]
    expected, always = policies["expected_cost"], policies["most_probable"]
    assert finding.values["decisions"] == ["cat", "dog", "emu", "ask"]
    assert expected["counts"] == counts.tolist()
    assert counts[:, 3].any()
    assert expected["mean_cost"] == pytest.approx(np.mean(spent))
    assert always["mean_cost"] == pytest.approx(np.mean(plain))
    assert expected["saved"] == pytest.approx(np.mean(plain) - np.mean(spent))
    for name, (low, high) in expected["intervals"].items():
        assert low < expected[name] < high
    assert f"costs {np.mean(spent):.2f} [" in finding.conclusions[0]
    assert "has no validation images" in finding.gaps[0]


def test_temperature_for_calibrated_decisions_is_fitted_on_validation():
    test, validation = drawn(200, seed=2), drawn(300, seed=3)
    bold = [
        dataclasses.replace(each, probabilities=sharpened(each.probabilities))
        for each in (test, validation)
    ]
    policies = Costs(COSTS).evaluate(Evidence(*bold)).values["policies"]
    assert list(policies) == ["expected_cost", "expected_cost_calibrated", "most_probable"]
    costs = [each["mean_cost"] for each in policies.values()]
    assert costs[1] < costs[0] < costs[2]
    correction = fit_correction(
        "temperature", bold[1].labels, bold[1].probabilities, test.class_names
    )
    decided = (correction.apply(bold[0].probabilities) @ MATRIX).argmin(axis=1)
    assert costs[1] == pytest.approx(MATRIX[test.labels, decided].mean())


def sharpened(probabilities):
    """Probabilities of an overconfident model."""
    powers = probabilities.astype(float) ** 6
    return (powers / powers.sum(1, keepdims=True)).astype(np.float32)


def test_equal_costs_lead_to_the_most_probable_class():
    test = drawn(60, seed=1)
    same = {true: {name: 1.0 for name in COSTS if name != true} for true in COSTS}
    policy = Costs(same).evaluate(Evidence(test)).values["policies"]["expected_cost"]
    assert policy["mean_cost"] == pytest.approx((test.predicted != test.labels).mean())
    assert policy["saved"] == 0
    assert policy["intervals"]["saved"] == [0, 0]


def test_class_without_images_is_reported_as_a_gap():
    test = drawn(60, seed=1)
    test = dataclasses.replace(test, labels=test.labels % 2)
    gap = Costs(COSTS).evaluate(Evidence(test)).gaps[-1]
    assert gap.startswith("not measured: costs for emu")


def test_incomplete_cost_table_is_rejected():
    with pytest.raises(
        ConfigError, match=r"costs: dog is missing\n  costs: emu is missing"
    ):
        Costs({"cat": COSTS["cat"]}).evaluate(Evidence(drawn(9, seed=0)))
