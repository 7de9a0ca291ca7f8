"""Scores by the values of a column, and the slices where they are worse."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from keraunos import ConfigError
from keraunos.configs import EvaluationConfig
from keraunos.evaluation.evidence import Evidence, Labeled
from keraunos.evaluation.finding import Evaluator, Finding
from keraunos.evaluation.slices.slices import Slices
from keraunos.evaluation.statistics.proportions import wilson_interval
from keraunos.report.registry import create_parts
from simulated import labeled
from sklearn import metrics


def known(count: int, accuracy: Any, seed: int = 0, classes: int = 3) -> Labeled:
    """Images, each classified correctly with its own probability."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    is_right = random.random(count) < accuracy
    taken = np.where(is_right, labels, (labels + 1) % classes)
    likely = random.dirichlet(np.ones(classes), count) + 2 * np.eye(classes)[taken]
    return labeled(likely / 3, labels)


def with_columns(test: Labeled, **columns: Any) -> Evidence:
    arrays = {name: np.asarray(cells, object) for name, cells in columns.items()}
    return Evidence(replace(test, columns=arrays))


def measure(evidence: Evidence, **options: Any) -> Finding:
    return Slices(**options).evaluate(evidence)


def test_slice_scores_equal_scikit_learn_on_the_images_of_the_slice() -> None:
    sex = ["f", "m", "", "f", "m"] * 24
    evidence = with_columns(known(120, 0.7), sex=sex)
    found = measure(evidence).values["columns"]["sex"]
    assert [each["value"] for each in found] == ["f", "m", None]
    for each in found:
        rows = np.array(sex) == (each["value"] or "")
        labels, likely = evidence.test.labels[rows], evidence.test.probabilities[rows]
        predicted = likely.argmax(axis=1)
        assert each["images"] == rows.sum()
        accuracy = metrics.accuracy_score(labels, predicted)
        assert each["accuracy"] == pytest.approx(accuracy)
        assert each["balanced_accuracy"] == pytest.approx(
            metrics.balanced_accuracy_score(labels, predicted)
        )
        area = metrics.roc_auc_score(
            labels, likely / likely.sum(1)[:, None], multi_class="ovr"
        )
        assert each["macro_roc_auc"] == pytest.approx(area, abs=1e-6)
        right = int((labels == predicted).sum())
        assert each["intervals"]["accuracy"] == wilson_interval(right, len(labels))
        outside = (evidence.test.predicted == evidence.test.labels)[~rows].mean()
        difference = each["difference"]["accuracy"]["value"]
        assert difference == pytest.approx(accuracy - outside)


def test_worse_slice_raises_a_warning_and_is_marked() -> None:
    camera = np.array(["A", "B", "C", "D"] * 50)
    evidence = with_columns(known(200, np.where(camera == "C", 0.4, 0.85)), camera=camera)
    finding = measure(evidence)
    (warning,) = finding.warnings
    assert warning.startswith("The model is worse where camera is C (50 images)")
    assert finding.values["comparisons"] == 8
    assert "8 comparisons were made" in finding.conclusions[1]
    assert "lowest where camera is C" in finding.conclusions[0]
    (table,) = finding.tables
    assert [row[0] for row in table.rows] == ["A", "B", "C (worse)", "D"]


@pytest.mark.nightly
def test_false_alarms_are_rare_without_real_differences() -> None:
    """Of 60 reports with 27 slices of 13 or more images, three may name a slice."""
    named = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        sites = random.integers(0, 9, (3, 160)).astype(str)
        test = replace(known(160, 0.7, seed), groups=None)
        finding = measure(with_columns(test, a=sites[0], b=sites[1], c=sites[2]))
        named += bool(finding.warnings)
    assert named <= 3


def test_balanced_accuracy_is_not_confounded_by_the_class_mix_of_a_slice() -> None:
    labels = np.repeat([0, 1, 0, 1], [30, 120, 120, 30])
    is_right = np.where(labels == 0, np.arange(300) % 10 > 0, np.arange(300) % 2 > 0)
    likely = np.where((labels == 1) == is_right, 0.8, 0.2)
    test = labeled(np.stack([1 - likely, likely], axis=1), labels)
    finding = measure(with_columns(test, site=np.repeat(["x", "y"], 150)))
    first = finding.values["columns"]["site"][0]["difference"]
    assert first["accuracy"]["interval"][1] < 0
    assert first["balanced_accuracy"]["value"] == pytest.approx(0)
    assert first["balanced_accuracy"]["classes"] == 2


def test_images_of_a_single_patient_do_not_raise_a_warning() -> None:
    """All images of one patient are wrong, which says nothing about other men."""
    sex = np.repeat(["f", "m"], [120, 30])
    test = known(150, np.where(sex == "m", 0, 0.7))
    patients = np.concatenate([np.arange(120), np.full(30, 120)])
    assert measure(with_columns(test, sex=sex)).warnings
    assert not measure(with_columns(replace(test, groups=patients), sex=sex)).warnings


def test_constant_prediction_has_a_wide_accuracy_interval() -> None:
    """A bootstrap stratified by class would have no variance."""
    labels = np.arange(120) % 5
    test = labeled(np.tile([[0.6, 0.1, 0.1, 0.1, 0.1]], (120, 1)), labels)
    for groups in (None, np.arange(120) // 3):
        evidence = with_columns(replace(test, groups=groups), sex=["f", "m"] * 60)
        low, high = measure(evidence).values["columns"]["sex"][0]["intervals"]["accuracy"]
        assert low < 0.15
        assert high > 0.25


def test_small_slices_are_reported_as_gaps() -> None:
    sex = ["f"] * 20 + ["m"] * 15 + ["other"] * 3
    finding = measure(with_columns(known(38, 0.7), sex=sex))
    assert [each["value"] for each in finding.values["columns"]["sex"]] == ["f", "m"]
    (gap,) = finding.gaps
    assert gap.startswith("not measured: 1 slice of sex")
    assert gap.endswith("smallest=10: other")
    assert not measure(with_columns(known(38, 0.7), sex=sex), smallest=2).gaps


def test_gap_without_columns_suggests_a_table() -> None:
    finding = measure(Evidence(known(20, 0.7)))
    assert finding.gaps[0].startswith("not measured: slices, because there are no columns")
    assert "data.train" in finding.gaps[0]
    assert finding.figures == {}


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ([f"p{n}" for n in range(30)], "every image has a different value"),
        (["one"] * 30, "all images have one"),
        ([""] * 30, "no test image has a value"),
    ],
)
def test_uninformative_column_is_reported_as_a_gap(cells: list[str], reason: str) -> None:
    finding = measure(with_columns(known(30, 0.7), it=cells))
    assert finding.values["columns"] == {}
    assert reason in finding.gaps[0]


@pytest.mark.slow
def test_requested_columns_are_sliced_despite_many_values() -> None:
    sites = [f"site {n % 25}" for n in range(250)]
    evidence = with_columns(known(250, 0.7), site=sites, sex=["f", "m"] * 125)
    assert list(measure(evidence).values["columns"]) == ["sex"]
    finding = measure(evidence, columns=["site"])
    assert len(finding.values["columns"]["site"]) == 25
    assert finding.gaps == []


def test_unknown_column_is_rejected_with_the_available_ones() -> None:
    evidence = with_columns(known(20, 0.7), sex=["f", "m"] * 10)
    with pytest.raises(ConfigError, match=r"There are sex.*columns=\['sxe'\].*mean sex"):
        measure(evidence, columns=["sxe"])


def test_markup_and_control_characters_in_values_are_harmless() -> None:
    odd = ["<b>$x^2$</b>", "a\u202e\x07" + "long " * 40]
    finding = measure(with_columns(known(40, 0.7), odd=odd * 20))
    assert len(finding.values["columns"]["odd"]) == 2
    finding.figures["slices"].canvas.draw()


def test_slice_of_a_single_class_has_no_balanced_accuracy() -> None:
    labels = np.repeat([0, 1], 20)
    test = labeled(np.full((40, 2), 0.5), labels)
    first = measure(with_columns(test, it=labels.astype(str))).values["columns"]["it"][0]
    assert first["balanced_accuracy"] is None
    assert first["macro_roc_auc"] is None
    assert set(first["difference"]) == {"accuracy"}


def test_slices_are_created_from_the_configuration() -> None:
    part = create_parts(EvaluationConfig(slices={"columns": ["sex"], "smallest": 5}))[
        "slices"
    ]
    assert part == Slices(["sex"], 5)
    assert isinstance(part, Evaluator)
    assert "slices" not in create_parts(EvaluationConfig(slices=None))
