from dataclasses import replace

import numpy as np
import pytest
from keraunos.evaluation.evidence import Evidence, as_labeled
from keraunos.evaluation.predictions import read_predictions, write_predictions
from keraunos.report.run_files import compare_predictions, write_findings
from report_pages import predictions


def test_validation_predictions_are_kept_and_not_replaced(tmp_path):
    first = predictions()
    write_findings(tmp_path, {}, Evidence(as_labeled(first), as_labeled(first)))
    file = tmp_path / "validation_predictions.csv"
    assert np.array_equal(read_predictions(file).probabilities, first.probabilities)
    before = file.read_bytes()
    other = predictions(taken=(1, 1, 1, 1, 1, 1, 1))
    write_findings(tmp_path, {}, Evidence(as_labeled(first), as_labeled(other)))
    assert file.read_bytes() == before


@pytest.fixture
def file(tmp_path):
    write_predictions(tmp_path / "predictions.csv", predictions())
    return tmp_path / "predictions.csv"


def test_equal_predictions_are_recognized_despite_rounding(file):
    now = predictions()
    now.probabilities[0] += np.array([1e-6, -1e-6, 0], np.float32)
    assert compare_predictions(file, now) == (
        "The predictions are the same as in predictions.csv of the run.",
        False,
    )


def test_different_predictions_raise_a_warning(file):
    text, is_warning = compare_predictions(file, predictions(taken=(0, 1, 0, 1, 1, 0, 0)))
    assert is_warning
    assert text.startswith(
        "1 of 7 predictions differ from those in predictions.csv (by up to"
    )


@pytest.mark.parametrize(
    "other",
    [
        predictions(labels=(0, 1), taken=(0, 1)),
        predictions(labels=(1, 0, 0, 1, 1, 1, 1)),
        replace(predictions(), class_names=["a", "b", "c"]),
        predictions(names=list("abcdefg")),
    ],
)
def test_different_images_labels_or_classes_raise_a_warning(file, other):
    text, is_warning = compare_predictions(file, other)
    assert is_warning
    assert "or their labels, differ" in text


def test_unreadable_file_raises_a_warning_and_a_missing_one_does_not(file):
    file.write_bytes(b"\xff\x00")
    assert compare_predictions(file, predictions())[1]
    file.unlink()
    assert not compare_predictions(file, predictions())[1]
