"""Scores on corrupted images match the predictions for these images."""

import numpy as np
import pytest
from keraunos.report.robustness.corruptions import CORRUPTIONS, corrupt
from keraunos.report.robustness.robustness import Robustness
from keraunos.report.robustness.scores import CLEAN, VERSIONS, as_table, scores_of
from patches import patch_model, patch_subject
from sklearn import metrics


@pytest.fixture(scope="module")
def task():
    return patch_subject(patch_model(), count=40, batch_size=64)


@pytest.fixture(scope="module")
def finding(task):
    return Robustness().explain(task.evidence, task.subject)


@pytest.mark.slow
@pytest.mark.feature("robustness")
def test_scores_equal_scikit_learn(task, finding):
    labels = task.evidence.test.labels
    for kind, strength in [("brightness", 3), ("blur", 2), ("noise", 3)]:
        worse = np.stack([corrupt(image, kind, strength) for image in task.images])
        predicted = task.subject.predict(worse).argmax(axis=1)
        entry = finding.values[kind][strength - 1]
        assert entry["strength"] == strength
        accuracy = metrics.accuracy_score(labels, predicted)
        assert entry["accuracy"]["value"] == pytest.approx(accuracy)
        balanced = metrics.balanced_accuracy_score(labels, predicted)
        assert entry["balanced_accuracy"]["value"] == pytest.approx(balanced)
        assert entry["balanced_accuracy"]["low"] <= balanced
        assert balanced <= entry["balanced_accuracy"]["high"]
    assert finding.values["clean"]["accuracy"]["value"] == 1


def test_table_and_figure_contain_every_corruption(finding):
    (table,) = finding.tables
    assert len(table.rows) == 1 + len(VERSIONS)
    assert {len(row) for row in table.rows} == {len(table.header)}
    assert table.rows[0][:2] == ("original", None)
    assert table.rows[7][:2] == ("jpeg, 75 of 100 in quality", 1)
    assert list(finding.figures) == ["robustness"]
    assert len(finding.figures["robustness"].axes) == 6
    assert [panel.caption[0].split(":")[0] for panel in finding.panels] == list(CORRUPTIONS)
    assert finding.conclusions[0] == "All 40 test images were scored."


def test_limited_sample_is_reported_as_such(task):
    found = Robustness(most_images=9).explain(task.evidence, task.subject)
    assert found.values["images"] == 9
    assert "9 of 40 test images" in found.conclusions[0]


def test_missing_images_are_reported(task):
    task.split.gone = set(range(1, 40))
    try:
        found = Robustness().explain(task.evidence, task.subject)
        task.split.gone = set(range(40))
        nothing = Robustness().explain(task.evidence, task.subject)
    finally:
        task.split.gone = set()
    assert found.values["images"] == 1
    assert "39 images" in found.gaps[0]
    assert not nothing.values
    assert len(nothing.tables[0].rows) == 40


def test_score_changes_are_paired_by_image():
    """A model is wrong for half of the images, the first corruption adds five more."""
    labels = np.repeat([0, 1], 50)
    clean = np.arange(100) % 2 == 0
    worse = np.tile(clean, (len(VERSIONS), 1))
    worse[0, :10] = False
    scores = scores_of(labels, np.vstack([clean, worse]))
    first, second = scores[VERSIONS[0]]["accuracy"], scores[VERSIONS[1]]["accuracy"]
    assert first.change == pytest.approx(-0.05)
    assert first.change_interval[1] < 0  # unlike the interval of the score itself
    assert first.interval[1] > scores[CLEAN]["accuracy"].value
    assert second.change_interval == (0, 0)


def test_intervals_resample_whole_groups():
    labels, clean = np.repeat([0, 1], 20), np.tile([True, False], 20)
    right = np.vstack([clean] * (1 + len(VERSIONS)))
    alone = scores_of(labels, right)[CLEAN]["accuracy"].interval
    pairs = scores_of(labels, right, np.arange(40) // 2)[CLEAN]["accuracy"].interval
    assert alone[0] < 0.5 < alone[1]
    assert pairs == (0.5, 0.5)  # each group has one that is right
    assert len(as_table(scores_of(labels, right)).rows) == 16
