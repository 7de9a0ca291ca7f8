import numpy as np
import pytest
from keraunos.evaluation.decisions.operating_points import OperatingPoints
from keraunos.evaluation.evidence import Evidence, as_labeled
from keraunos.evaluation.predictions import Predictions
from keraunos.report.page.sliders import threshold_tables


@pytest.fixture(scope="module")
def evidence():
    random = np.random.default_rng(3)
    labels = (np.arange(90) % 3).astype(np.int32)
    rows = random.dirichlet(np.ones(3), 90) + 0.4 * np.eye(3)[labels]
    rows = (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)
    names = [f"{n}.jpg" for n in range(90)]
    split = as_labeled(Predictions(names, rows, ["a", "b", "c"], labels))
    return Evidence(split, split)


def test_slider_starts_at_the_chosen_threshold(evidence):
    points = OperatingPoints({"b": {"sensitivity": 0.8}}, {"ab": ["a", "b"]})
    tables = threshold_tables(points.evaluate(evidence).values)
    assert {each["name"] for each in tables} == {"a", "b", "c", "ab"}
    test = evidence.test
    for each in tables:
        threshold = each["chosen"] or 0.5
        places = {"ab": [0, 1], "a": [0], "b": [1], "c": [2]}[each["name"]]
        called = test.probabilities[:, places].sum(axis=1) >= threshold
        truth = np.isin(test.labels, places)
        assert each["true_positives"][each["start"]] == (called & truth).sum()
        assert each["false_positives"][each["start"]] == (called & ~truth).sum()
    assert [each["chosen"] is not None for each in tables if each["name"] == "b"] == [True]


@pytest.mark.parametrize(
    "values",
    [
        {"a": 1},
        {"a": {"curve": None}},
        {"a": {"curve": {"thresholds": [0.5]}, "positives": 1, "negatives": 1}},
        {"a": {"curve": {"thresholds": [], "true_positives": [], "false_positives": []}}},
    ],
)
def test_malformed_values_are_ignored(values):
    assert threshold_tables(values) == []
