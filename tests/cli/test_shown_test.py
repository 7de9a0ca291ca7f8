"""Terminal output of a test, for hand-made predictions."""

from types import SimpleNamespace

import numpy as np
from keraunos.cli.shown_test import find_validation_gap, show_validation_gap
from keraunos.evaluation.evidence import Evidence, as_labeled
from keraunos.evaluation.predictions import Predictions
from keraunos.trainer import TestResult

CLASSES = ["melanoma", "nevus"]


def result(validation_correct: float, test_correct: float) -> TestResult:
    """A test of 60 images, with predictions for 90 validation images."""

    def predicted(count: int, correct: float) -> Predictions:
        labels = np.arange(count, dtype=np.int32) % 2
        wrong = np.arange(count) // 2 >= correct * count / 2
        probabilities = np.eye(2)[np.where(wrong, 1 - labels, labels)]
        return Predictions(
            [f"{n}.png" for n in range(count)], probabilities, CLASSES, labels
        )

    validation = as_labeled(predicted(90, validation_correct))
    subject = SimpleNamespace(evidence=lambda test: Evidence(as_labeled(test), validation))
    return TestResult({}, predicted(60, test_correct), subject=subject)


def test_drop_from_validation_to_test_is_shown_with_its_classes(capsys):
    show_validation_gap(find_validation_gap(result(0.9, 0.5)))
    said = capsys.readouterr().out
    assert said.startswith("Test accuracy 0.50 is below validation accuracy 0.9")
    assert "melanoma" in said
    assert "nevus" in said
    assert said.count("\n") == 1


def test_similar_validation_and_test_scores_take_one_sentence(capsys):
    show_validation_gap(find_validation_gap(result(0.8, 0.8)))
    said = capsys.readouterr().out
    assert said.startswith("Accuracy is 0.80 [")
    assert said.endswith("no more than chance explains.\n")
    assert said.count("\n") == 1


def test_outputs_that_are_not_probabilities_are_not_compared(capsys):
    scored = result(0.8, 0.8)
    scored.predictions.probabilities[:] = 3.0
    assert find_validation_gap(scored) is None
    assert find_validation_gap(TestResult({})) is None
    show_validation_gap(None)
    assert capsys.readouterr().out == ""
