import json

import numpy as np
import pytest
from keraunos.evaluation.multi_label.predictions import LabelPredictions
from keraunos.evaluation.regression.findings import find_largest_errors
from keraunos.evaluation.regression.predictions import NumberPredictions
from keraunos.report.facts import RunFacts
from keraunos.report.page.model_card import model_card
from keraunos.report.page.page import page
from keraunos.report.task_report import report_of_task, task_report_from_files
from keraunos.report.write_report import write_run
from report_pages import Page
from sklearn import metrics

LABELS = ("hair", "ink", "<b>ruler")
COUNTS = {"test": {"hair|<b>ruler": 3, "hair": 2, "": 4}}


class Images:
    """A split that returns its images, except for the second, which was moved."""

    def images(self, places):
        if 1 in places:
            raise OSError("moved")
        return np.stack([np.full((8, 8, 3), 20 * place, np.uint8) for place in places])


@pytest.fixture
def labels():
    random = np.random.default_rng(0)
    truth = random.random((9, 3)) < 0.5
    found = np.clip(0.6 * truth + 0.5 * random.random((9, 3)), 0, 1).astype(np.float32)
    found[1] = 1 - truth[1]  # the most confident mistakes are on a moved image
    names = [f"/photographs/{number}.png" for number in range(9)]
    return LabelPredictions(names, found, LABELS, [0.5, None, 0.6], truth)


@pytest.fixture
def numbers():
    truth = np.array([[40, 0.1], [50, 0.3], [62, 0.2], [71, 0.4]], np.float32)
    found = truth + np.array([[1, 0.01], [-9, 0], [2, 0.2], [0, 0]], np.float32)
    return NumberPredictions(list("abcd"), found, ["age", "depth"], [5, None], 0.9, truth)


def make_report(predictions, tmp_path, **facts):
    predictions.write_report(tmp_path, predictions.scores())
    known = RunFacts("run", tmp_path, class_names=LABELS, **facts)
    return report_of_task(known, predictions.scores(), predictions, Images())


def test_multi_label_report_is_complete_and_scores_equal_scikit_learn(labels, tmp_path):
    report = make_report(labels, tmp_path, counts=COUNTS)
    (remark,) = report.remarks
    assert remark == "The predictions are the same as in predictions.csv of the run."
    write_run(tmp_path, report, labels)
    content = json.loads((tmp_path / "evaluation.json").read_text())
    per_label = content["labels"]["values"]["per_label"]
    expected = metrics.average_precision_score(
        labels.targets, labels.probabilities, average=None
    )
    assert [each["average_precision"] for each in per_label.values()] == pytest.approx(
        expected
    )
    together = content["co_occurrence"]["values"]
    assert together["true"][0][2] == (labels.targets[:, 0] & labels.targets[:, 2]).sum()
    digest = content["labels"]["measured_on"]["predictions_sha256"]
    assert digest == labels.digest
    text = Page(page([report])).text
    for words in (
        "predicts any of 3 labels for each image",
        "hair 5",  # test images with both labels, and with hair alone
        "ink 0",
        "not chosen: a threshold for ink; the default is 0.5",
        "not measured: 1 images, because they were moved",
        "which are for models of one class per image",
    ):
        assert words in text, words
    assert "Confusion matrix" not in text
    assert "probabilities of the labels in classes.txt" in model_card(report)


def test_regression_report_shows_the_largest_errors(numbers, tmp_path):
    assert find_largest_errors(numbers, 2) == [2, 1]  # 0.2 of 0.1, and 9 of 4.6
    report = make_report(numbers, tmp_path)
    text = Page(page([report])).text
    for words in ("mean absolute error", "depth bias", "not chosen: an interval for depth"):
        assert words in text, words
    assert "depth: 0.400, true 0.200" in text
    assert "pipeline_tag" not in model_card(report)


def test_predictions_that_differ_from_the_run_raise_a_warning(numbers, tmp_path):
    make_report(numbers, tmp_path)
    numbers.values[3] += 0.5
    facts = RunFacts("run", tmp_path)
    report = report_of_task(facts, numbers.scores(), numbers, None)
    assert any("1 of 4 predictions differ from those" in each for each in report.warnings)


def test_stored_scores_are_shown_without_a_model(labels, tmp_path):
    labels.write_report(tmp_path, labels.scores())
    facts = RunFacts("run", tmp_path, class_names=LABELS)
    report = task_report_from_files(facts, tmp_path, "multi_label", "it was moved.")
    text = Page(page([report, report])).text
    assert "The scores are those of test.json" in text
    assert "mean average precision" in text
