import json
import re
from dataclasses import replace

import numpy as np
import pytest
from keraunos.core.errors import DataError
from keraunos.evaluation.calibration.calibration import Calibration
from keraunos.evaluation.calibration.errors import Binned, equal_mass, equal_width
from keraunos.evaluation.calibration.scaling import Correction
from keraunos.evaluation.evidence import Evidence
from keraunos.evaluation.scores import classification_scores
from simulated import labeled, simulated
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss

BINS = 7


@pytest.fixture(scope="module")
def overconfident():
    """A model with three times too large logits, on separate validation and test images."""
    return Evidence(
        simulated(1201, sharpness=3, seed=1), simulated(801, sharpness=3, seed=3)
    )


@pytest.fixture(scope="module")
def finding(overconfident):
    return Calibration(bins=BINS).evaluate(overconfident)


def reference_measures(labels, probabilities):
    """The measures computed by scikit-learn, from probabilities alone."""
    rows = probabilities.astype(float)
    rows /= rows.sum(axis=1, keepdims=True)  # float32 sums to 1 except for 1e-7
    confidence, right = rows.max(axis=1), rows.argmax(axis=1) == labels
    found = {
        "accuracy": accuracy_score(labels, rows.argmax(axis=1)),
        "nll": log_loss(labels, rows, labels=range(rows.shape[1])),
        "brier": sum(
            brier_score_loss(labels == k, rows[:, k]) for k in range(rows.shape[1])
        ),
    }
    for ending, strategy in (("", "uniform"), ("_equal_mass", "quantile")):
        share, mean = calibration_curve(right, confidence, n_bins=BINS, strategy=strategy)
        found[f"mce{ending}"] = np.abs(share - mean).max()
        counts = counts_of(confidence, strategy)
        found[f"ece{ending}"] = (np.abs(share - mean) * counts).sum() / len(labels)
    found["classwise_ece"] = np.mean(
        [classwise(labels == k, rows[:, k]) for k in np.unique(labels)]
    )
    return found


def classwise(outcomes, values):
    share, mean = calibration_curve(outcomes, values, n_bins=BINS)
    return (np.abs(share - mean) * counts_of(values, "uniform")).sum() / len(values)


def counts_of(values, strategy):
    levels = np.linspace(0, 1, BINS + 1)
    edges = levels if strategy == "uniform" else np.percentile(values, 100 * levels)
    counts = np.bincount(np.searchsorted(edges[1:-1], values))
    return counts[counts > 0]


def test_measures_equal_scikit_learn(finding, overconfident):
    test = overconfident.test
    correction = Correction.from_json(finding.values["correction"])
    versions = {"before": test.probabilities, "after": correction.apply(test.probabilities)}
    for version, probabilities in versions.items():
        for name, value in reference_measures(test.labels, probabilities).items():
            assert finding.values[version][name] == pytest.approx(value, abs=1e-6), name


@pytest.mark.feature("calibration")
def test_correction_fixes_overconfidence_without_changing_accuracy(finding):
    before, after = finding.values["before"], finding.values["after"]
    assert before["ece"] > 0.2
    assert after["ece"] < 0.05
    assert after["ece"] < after["ece_by_chance"]["high"]
    assert before["ece"] > before["ece_by_chance"]["high"]
    assert after["accuracy"] == before["accuracy"]
    assert finding.values["difference"]["intervals"]["accuracy"] == [0, 0]
    assert finding.values["difference"]["intervals"]["nll"][1] < 0
    assert finding.values["correction"]["temperature"] == pytest.approx(3, rel=0.15)
    assert re.search(r"overconfident by [\d.]+ percentage points", finding.conclusions[0])
    assert not finding.warnings


def test_correction_is_fitted_only_on_validation_data(finding, overconfident):
    for test in (simulated(101, seed=9), overconfident.validation):
        other = Calibration().evaluate(replace(overconfident, test=test))
        assert other.values["correction"] == finding.values["correction"]


def test_accuracy_interval_equals_that_of_the_classification_scores(overconfident):
    """Widened for a class that is always right, which a bootstrap takes for certain."""
    test = overconfident.test
    certain = (test.labels == 0)[:, None]
    first = np.eye(test.probabilities.shape[1], dtype=np.float32)[0]
    test = replace(test, probabilities=np.where(certain, first, test.probabilities))
    found = Calibration(scaling="none").evaluate(Evidence(test)).values["before"]
    scores = classification_scores(test.labels, test.probabilities, test.class_names)
    assert found["intervals"]["accuracy"] == scores["intervals"]["accuracy"]


def test_intervals_contain_their_estimates(finding):
    for version in ("before", "after", "difference"):
        scores = finding.values[version]
        for name in ("nll", "brier", "accuracy"):
            low, high = scores["intervals"][name]
            assert low <= scores[name] <= high
        # The maximum over bins grows with each draw: the estimate would lie outside.
        assert not {"mce", "mce_equal_mass"} & scores["intervals"].keys()


def test_intervals_grouped_by_patient_are_wider():
    test = simulated(60)
    rows = np.repeat(np.arange(60), 5)
    repeated = labeled(test.probabilities[rows], test.labels[rows])
    widths = [
        np.ptp(
            Calibration(scaling="none")
            .evaluate(Evidence(replace(repeated, groups=groups)))
            .values["before"]["intervals"]["nll"]
        )
        for groups in (None, rows)
    ]
    assert widths[1] == pytest.approx(np.sqrt(5) * widths[0], rel=0.2)


@pytest.mark.slow
def test_calibration_error_of_a_calibrated_model_equals_chance_level():
    errors = []
    for seed in range(8):
        evidence = Evidence(simulated(150, seed=seed))
        values = Calibration(scaling="none").evaluate(evidence).values["before"]
        errors.append(values["ece"] / values["ece_by_chance"]["mean"])
    assert np.mean(errors) == pytest.approx(1, abs=0.15)


def test_harmful_correction_raises_a_warning():
    evidence = Evidence(simulated(400, seed=1), simulated(400, sharpness=5, seed=2))
    finding = Calibration().evaluate(evidence)
    assert any("the probabilities of test images worse" in w for w in finding.warnings)


def test_few_validation_images_raise_a_warning():
    evidence = Evidence(simulated(50), simulated(60, seed=2))
    finding = Calibration(scaling="vector").evaluate(evidence)
    assert "has 8 fitted parameters, but there are only 60" in finding.warnings[0]
    assert finding.values["correction"]["kind"] == "vector"


def test_missing_validation_images_make_the_correction_a_gap(overconfident):
    alone = replace(overconfident, validation=None)
    finding = Calibration(bins=BINS).evaluate(alone)
    assert "no validation images" in finding.gaps[0]
    assert finding.values["correction"] is None
    assert "after" not in finding.values
    assert finding.values["before"]["ece"] > 0.2


def test_undetermined_correction_is_reported_as_a_gap():
    perfect = labeled(0.1 + 0.6 * np.eye(4), np.arange(4))
    finding = Calibration().evaluate(Evidence(simulated(31), perfect))
    assert finding.gaps[0].startswith("not measured: corrected probabilities. The best")
    assert "after" not in finding.values


def test_classes_without_test_images_are_reported_as_a_gap():
    split = simulated(80)
    test = labeled(split.probabilities[split.labels != 1], split.labels[split.labels != 1])
    finding = Calibration().evaluate(Evidence(test))
    assert "calibration of b, because there are no test images" in finding.gaps[-1]


def test_empty_test_set_is_reported_as_a_gap(overconfident):
    nothing = labeled(np.zeros((0, 4)), np.zeros(0))
    assert Calibration().evaluate(replace(overconfident, test=nothing)).gaps


def test_single_output_model_is_rejected():
    with pytest.raises(DataError, match="two or more classes"):
        Calibration().evaluate(Evidence(labeled(np.ones((3, 1)), np.zeros(3))))


@pytest.mark.parametrize("rows", [np.eye(3), np.full((3, 3), 1 / 3)])
def test_degenerate_probabilities_can_be_evaluated(rows):
    test = labeled(rows, [0, 1, 1])
    values = Calibration(scaling="none").evaluate(Evidence(test)).values
    assert sum(row["images"] for row in values["before"]["bins"]) == 3
    json.dumps(values, allow_nan=False)


def test_values_on_bin_edges_fall_into_the_lower_bin_as_in_scikit_learn():
    values = np.array([0.0, 0.25, 0.25, 0.5, 0.75, 0.75, 1.0])
    outcomes = np.array([0, 0, 1, 1, 0, 1, 1], bool)
    share, mean = calibration_curve(outcomes, values, n_bins=4)
    rows = Binned(values, outcomes, equal_width(values, 4)).rows()
    assert [row["images"] for row in rows] == [3, 1, 2, 1]
    assert [row["accuracy"] for row in rows] == pytest.approx(share)
    assert [row["confidence"] for row in rows] == pytest.approx(mean)


@pytest.mark.parametrize("edges", [equal_width, equal_mass])
def test_weighted_errors_equal_errors_of_repeated_images(edges):
    random = np.random.default_rng(0)
    values, outcomes = random.random(23), random.random(23) < 0.6
    weights = random.integers(0, 4, (2, 23)).astype(float)
    binned = Binned(values, outcomes, edges(values, 5))
    for row, expected, largest in zip(weights, *binned.errors(weights), strict=True):
        rows = np.repeat(np.arange(23), row.astype(int))
        repeated = Binned(values[rows], outcomes[rows], binned.edges)
        whole = repeated.errors(np.ones((1, len(rows))))
        assert [whole[0][0], whole[1][0]] == pytest.approx([expected, largest])


def test_figure_and_table_show_probabilities_before_and_after_correction(finding):
    figure = finding.figures["reliability"]
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["perfectly calibrated", "as predicted", "corrected"]
    heights = [bar.get_height() for bar in figure.axes[1].patches]
    assert sum(heights) == 2 * finding.values["images"]
    assert finding.tables[0].header == ["", "as predicted", "corrected", "difference"]
    json.dumps(finding.values, allow_nan=False)
