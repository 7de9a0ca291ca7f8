import dataclasses

import numpy as np
import pytest
from drawn_predictions import drawn
from keraunos.core.errors import ConfigError
from keraunos.evaluation.costs import Costs
from keraunos.evaluation.evidence import Evidence

COSTS = {
    "cat": {"dog": 1.0, "emu": 2.0, "ask": 0.6},
    "dog": {"cat": 8.0, "emu": 5.0, "ask": 0.6},
    "emu": {"cat": 1.0, "dog": 1.0, "ask": 0.6, "emu": 0.1},
}
MATRIX = np.array([[0, 1, 2, 0.6], [8, 0, 5, 0.6], [1, 1, 0.1, 0.6]])


def test_each_image_gets_the_decision_of_the_lowest_expected_cost():
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
    values = finding.values
    assert values["decisions"] == ["cat", "dog", "emu", "ask"]
    assert values["counts"] == counts.tolist()
    assert counts[:, 3].any()
    assert values["mean_cost"] == pytest.approx(np.mean(spent))
    assert values["most_probable"]["mean_cost"] == pytest.approx(np.mean(plain))
    assert values["saved"] == pytest.approx(np.mean(plain) - np.mean(spent))
    for name, (low, high) in values["intervals"].items():
        assert low < values[name] < high
    assert f"costs {np.mean(spent):.2f} [" in finding.conclusions[0]


def test_where_all_mistakes_cost_the_same_it_is_the_most_probable_class():
    test = drawn(60, seed=1)
    same = {true: {name: 1.0 for name in COSTS if name != true} for true in COSTS}
    values = Costs(same).evaluate(Evidence(test)).values
    assert values["mean_cost"] == pytest.approx((test.predicted != test.labels).mean())
    assert values["saved"] == 0
    assert values["intervals"]["saved"] == [0, 0]


def test_a_class_without_images_is_a_gap():
    test = drawn(60, seed=1)
    test = dataclasses.replace(test, labels=test.labels % 2)
    (gap,) = Costs(COSTS).evaluate(Evidence(test)).gaps
    assert gap.startswith("not measured: what emu would cost")


def test_a_table_that_is_not_complete_is_refused():
    with pytest.raises(
        ConfigError, match=r"costs: dog is missing\n  costs: emu is missing"
    ):
        Costs({"cat": COSTS["cat"]}).evaluate(Evidence(drawn(9, seed=0)))
