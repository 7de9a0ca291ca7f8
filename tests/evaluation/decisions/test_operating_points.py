import csv
import dataclasses
import json
import warnings

import numpy as np
import pytest
from drawn_predictions import CLASSES, drawn
from keraunos.core.errors import ConfigError
from keraunos.evaluation import write_predictions
from keraunos.evaluation.decisions import operating_points
from keraunos.evaluation.decisions.operating_points import OperatingPoints
from keraunos.evaluation.evidence import Evidence
from sklearn import metrics

TARGETS = {"dog": {"sensitivity": 0.95}, "pets": {"specificity": 0.8}}
GROUPS = {"pets": ["cat", "dog"]}


@pytest.fixture(scope="module")
def evidence():
    return Evidence(drawn(118, seed=1), validation=drawn(150, seed=2))


@pytest.fixture(scope="module")
def finding(evidence):
    return OperatingPoints(TARGETS, GROUPS).evaluate(evidence)


def test_scores_of_every_class_and_group_equal_scikit_learn(evidence, finding):
    assert list(finding.values) == ["pets", "dog", "cat", "emu"]
    test = evidence.test
    for values in finding.values.values():
        members = [CLASSES.index(each) for each in values["classes"]]
        truth = np.isin(test.labels, members)
        score = test.probabilities[:, members].sum(1, dtype=float).astype(np.float32)
        assert values["roc_auc"] == pytest.approx(metrics.roc_auc_score(truth, score))
        precision = metrics.average_precision_score(truth, score)
        assert values["average_precision"] == pytest.approx(precision)
        assert values["positives"] == truth.sum()
        curve = values["curve"]
        assert len(curve["thresholds"]) <= 200
        for threshold, hits in zip(
            curve["thresholds"], curve["true_positives"], strict=True
        ):
            assert hits == (truth & (score >= np.float32(threshold))).sum()


def test_every_count_can_be_recomputed_from_the_predictions_table(
    evidence, finding, tmp_path
):
    write_predictions(tmp_path / "predictions.csv", evidence.test.predictions())
    with (tmp_path / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for name, members in {**GROUPS, "dog": ["dog"]}.items():
        truth = np.array([row["label"] in members for row in rows])
        columns = [[row[f"probability:{each}"] for row in rows] for each in members]
        score = np.sum(np.float32(columns), axis=0, dtype=float).astype(np.float32)
        point = finding.values[name]["operating_point"]
        alarm = score >= point["threshold"]
        test = point["test"]
        assert test["true_positives"] == (truth & alarm).sum()
        assert test["false_positives"] == (~truth & alarm).sum()
        assert test["precision"] == metrics.precision_score(truth, alarm)


def test_values_are_json_serializable_and_tables_have_one_row_per_task(finding):
    assert json.loads(json.dumps(finding.values)) == finding.values
    areas, thresholds = finding.tables
    assert [row[0] for row in areas.rows] == ["pets", "dog", "cat", "emu"]
    assert [row[0] for row in thresholds.rows] == ["pets", "dog"]
    assert all(len(row) == len(areas.header) for row in areas.rows)
    assert all(len(row) == len(thresholds.header) for row in thresholds.rows)
    assert len(finding.conclusions) == 2


def test_figures_show_special_characters_in_names_literally(evidence):
    names = ["_hidden", "$x$ \\frac{", "\x1b[31mred and much too long to be shown as it is"]
    test = dataclasses.replace(evidence.test, class_names=names)
    targets = {"_hidden": {"threshold": 0.5}}
    figures = OperatingPoints(targets).evaluate(Evidence(test)).figures
    assert list(figures) == ["roc", "precision_recall"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for figure in figures.values():
            figure.canvas.draw()
            shown = [text.get_text().strip() for text in figure.legends[0].get_texts()]
            assert shown[0].startswith("_hidden  0.")
            assert shown[2].startswith("\\x1b[31mred and much too lo…")


def test_class_without_test_images_is_a_gap_instead_of_an_error(evidence):
    test = dataclasses.replace(evidence.test, labels=evidence.test.labels % 2)
    emu = OperatingPoints({"emu": {"sensitivity": 0.9}})
    finding = emu.evaluate(Evidence(test, evidence.validation))
    assert "curve" not in finding.values["emu"]
    assert finding.gaps == [
        "not measured: curves of emu, because the test set has no images of emu; add some.",
        "not measured: the sensitivity of emu at its threshold, because the test set has "
        "no images of emu; add some.",
    ]
    point = finding.values["emu"]["operating_point"]["test"]
    assert point["sensitivity"] is None
    assert "0.9, the model raised a false alarm on" in finding.conclusions[0]


def test_only_the_first_curves_are_drawn_for_many_classes(monkeypatch):
    monkeypatch.setattr(operating_points, "MOST_CURVES", 4)
    names = [f"class {number}" for number in range(8)]
    targets = {names[-1]: {"threshold": 0.1}}
    finding = OperatingPoints(targets).evaluate(Evidence(drawn(200, 3, classes=names)))
    with_curve = [name for name, values in finding.values.items() if "curve" in values]
    assert with_curve == [names[7], *names[:3]]
    assert "not drawn: curves of class 3, class 4, class 5 and 1 more;" in finding.gaps[-1]
    assert "roc_auc" in finding.values[names[4]]
    assert [len(figure.axes[0].lines) for figure in finding.figures.values()] == [6, 5]


def test_unknown_class_name_is_rejected(evidence):
    with pytest.raises(ConfigError, match="pets is neither a class nor a group"):
        OperatingPoints({"pets": {"threshold": 0.5}}).evaluate(evidence)


def test_everything_is_a_gap_without_any_image():
    none = drawn(0, seed=1)
    targets = {"dog": {"sensitivity": 0.9}}
    found = OperatingPoints(targets).evaluate(Evidence(none, validation=none))
    assert "curves of dog, because the test set has no images of dog" in found.gaps[0]
    assert "the run has no validation images" in found.gaps[-1]
