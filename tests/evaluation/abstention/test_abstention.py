import json
from dataclasses import replace

import numpy as np
import pytest
from keraunos.core.errors import DataError
from keraunos.evaluation.abstention.abstention import Abstention
from keraunos.evaluation.evidence import Evidence
from keraunos.evaluation.scores import classification_scores
from keraunos.evaluation.statistics.proportions import wilson_interval
from simulated import labeled, simulated


@pytest.fixture(scope="module")
def evidence():
    return Evidence(simulated(211, seed=1), simulated(151, seed=4))


@pytest.fixture(scope="module")
def finding(evidence):
    return Abstention(coverage=0.8, risk=0.3).evaluate(evidence)


@pytest.mark.feature("abstention")
def test_prediction_sets_follow_from_the_validation_quantile(finding, evidence):
    validation, test = evidence.validation, evidence.test
    scores = 1 - validation.probabilities[np.arange(151), validation.labels].astype(float)
    limit = np.sort(scores)[int(np.ceil(152 * 0.8)) - 1]
    sets = 1 - test.probabilities.astype(float) <= limit + 1e-12
    holds = sets[np.arange(211), test.labels]
    values = finding.values["sets"]
    assert values["coverage"] == holds.mean()
    assert values["intervals"]["coverage"] == wilson_interval(holds.sum(), 211)
    assert values["mean_size"] == sets.sum(axis=1).mean()
    assert values["single_accuracy"] == holds[sets.sum(axis=1) == 1].mean()
    assert values["empty"] == (sets.sum(axis=1) == 0).mean()
    assert sum(values["sizes"].values()) == 211
    for k, name in enumerate("abcd"):
        of_class = test.labels == k
        assert values["per_class"][name]["coverage"] == holds[of_class].mean()
        assert values["per_class"][name]["images"] == of_class.sum()


def test_thresholds_depend_only_on_validation_data(finding, evidence):
    for test in (simulated(90, sharpness=4, seed=8), evidence.validation):
        other = Abstention(coverage=0.8, risk=0.3).evaluate(replace(evidence, test=test))
        for values in (other.values, finding.values):
            assert values["answers"]["threshold"] == finding.values["answers"]["threshold"]
        thresholds = [
            {name: each["threshold"] for name, each in values["sets"]["per_class"].items()}
            for values in (other.values, finding.values)
        ]
        assert thresholds[0] == thresholds[1]


def test_answers_at_the_target_risk_are_measured_on_test_data(finding, evidence):
    answers, test = finding.values["answers"], evidence.test
    kept = test.probabilities.max(axis=1) >= answers["threshold"]
    wrong = (test.predicted != test.labels)[kept]
    assert answers["kept"] == kept.mean()
    assert answers["risk"] == wrong.mean()
    assert answers["intervals"]["risk"] == wilson_interval(wrong.sum(), kept.sum())
    validation = evidence.validation
    reached = validation.probabilities.max(axis=1) >= answers["threshold"]
    assert (validation.predicted != validation.labels)[reached].mean() <= 0.3


def test_accuracy_rises_as_fewer_images_are_answered(finding, evidence):
    rows = finding.values["risk_coverage"]["kept"]
    assert [row["wanted"] for row in rows] == [0.5, 0.8, 0.9, 1.0]
    assert rows[0]["kept"] == 106 / 211
    assert rows[0]["accuracy"] > rows[-1]["accuracy"] + 0.05
    assert rows[-1]["accuracy"] == (evidence.test.predicted == evidence.test.labels).mean()
    test = evidence.test
    scores = classification_scores(test.labels, test.probabilities, test.class_names)
    assert rows[-1]["intervals"]["accuracy"] == scores["intervals"]["accuracy"]
    low, high = finding.values["risk_coverage"]["intervals"]["aurc"]
    assert low < finding.values["risk_coverage"]["aurc"] < high


def test_finding_is_complete_and_json_serializable(finding):
    json.dumps(finding.values, allow_nan=False)
    assert len(finding.conclusions) == 3
    assert set(finding.figures) == {"risk_coverage", "set_sizes"}
    assert [row[0] for row in finding.tables[1].rows] == ["a", "b", "c", "d", "all"]
    assert not finding.warnings
    assert not finding.gaps


def test_distribution_shift_raises_warnings():
    evidence = Evidence(simulated(300, sharpness=-1, seed=1), simulated(200, seed=3))
    warnings = Abstention(risk=0.3).evaluate(evidence).warnings
    assert warnings[0].startswith("Only 61 of the 300 test images have a set that contains")
    assert "of the answers on test are wrong, more than 30%" in warnings[1]


def test_only_the_risk_coverage_curve_is_measured_without_validation_images(evidence):
    finding = Abstention().evaluate(replace(evidence, validation=None))
    assert "no validation images" in finding.gaps[0]
    assert set(finding.values) == {"images", "risk_coverage"}
    assert set(finding.figures) == {"risk_coverage"}


def test_too_few_validation_images_are_reported_as_a_gap(evidence):
    few = replace(evidence, validation=simulated(8))
    finding = Abstention(coverage=0.9).evaluate(few)
    assert "only 8 validation images and a coverage of 90% takes 9" in finding.gaps[0]
    assert finding.values["sets"]["mean_size"] == 4
    assert finding.values["sets"]["per_class"]["a"]["threshold"] is None


def test_rare_class_is_in_every_set_with_thresholds_by_class(evidence):
    validation = evidence.validation
    kept = (validation.labels != 2) | (np.cumsum(validation.labels == 2) <= 3)
    few = labeled(validation.probabilities[kept], validation.labels[kept])
    finding = Abstention(by_class=True).evaluate(replace(evidence, validation=few))
    assert "a threshold of c, because there are only 3 validation images" in finding.gaps[0]
    sets = finding.values["sets"]
    assert sets["per_class"]["c"]["coverage"] == 1
    assert sets["per_class"]["c"]["threshold"] is None
    assert sets["per_class"]["a"]["threshold"] > 0


def test_classes_without_test_images_are_reported_as_a_gap(evidence):
    kept = evidence.test.labels != 0
    test = labeled(evidence.test.probabilities[kept], evidence.test.labels[kept])
    for by_class in (False, True):
        finding = Abstention(by_class=by_class).evaluate(replace(evidence, test=test))
        assert "coverage of a, because there are no test images" in finding.gaps[0]
        assert finding.values["sets"]["per_class"]["a"]["coverage"] is None
        json.dumps(finding.values, allow_nan=False)


def test_unreachable_target_risk_is_reported_as_a_gap(evidence):
    finding = Abstention(risk=0.001).evaluate(evidence)
    assert "no threshold on validation leaves at most 0%" in finding.gaps[-1]
    assert finding.values["answers"]["threshold"] is None


@pytest.mark.parametrize("rows", [np.eye(3), np.full((3, 3), 1 / 3)])
def test_degenerate_probabilities_can_be_evaluated(rows):
    split = labeled(rows, [0, 1, 1])
    finding = Abstention(coverage=0.5).evaluate(Evidence(split, split))
    json.dumps(finding.values, allow_nan=False)
    assert sum(finding.values["sets"]["sizes"].values()) == 3
    assert finding.conclusions[0].startswith("On the 100% of images")


def test_empty_test_set_is_reported_as_a_gap(evidence):
    nothing = labeled(np.zeros((0, 4)), np.zeros(0))
    assert Abstention().evaluate(replace(evidence, test=nothing)).gaps


def test_single_output_model_is_rejected():
    with pytest.raises(DataError, match="two or more classes"):
        Abstention().evaluate(Evidence(labeled(np.ones((3, 1)), np.zeros(3))))
