import json
from dataclasses import replace

import numpy as np
import pytest
from keraunos.evaluation.evidence import Evidence, Labeled, as_labeled
from keraunos.evaluation.predictions import Predictions
from keraunos.evaluation.scores import classification_scores
from keraunos.evaluation.validation_gap import ValidationGap

CLASSES = ["melanoma", "nevus", "other"]


def split(images: int, accuracies: tuple[float, ...], seed: int) -> Labeled:
    """Images whose classes are recognized with these probabilities."""
    random = np.random.default_rng(seed)
    labels = (np.arange(images) % len(CLASSES)).astype(np.int32)
    right = random.random(images) < np.asarray(accuracies)[labels]
    answers = np.where(right, labels, (labels + 1) % len(CLASSES))
    probabilities = np.where(np.eye(len(CLASSES))[answers] > 0, 0.8, 0.1)
    names = [f"{n}.png" for n in range(images)]
    return as_labeled(Predictions(names, probabilities, CLASSES, labels))


def test_significant_drop_raises_a_warning_naming_the_affected_classes() -> None:
    validation, test = split(263, (0.8, 0.8, 0.8), 0), split(60, (0.1, 0.75, 0.8), 1)
    finding = ValidationGap().evaluate(Evidence(test, validation))
    (warning,) = finding.warnings
    accuracy = (test.predicted == test.labels).mean()
    assert warning.startswith(f"Test accuracy {accuracy:.2f} is below validation accuracy")
    assert "by more than chance explains" in warning
    assert "Recall falls by more than chance explains for melanoma (from 0." in warning
    assert "nevus" not in warning
    score = finding.values["scores"]["accuracy"]
    expected = classification_scores(test.labels, test.probabilities, CLASSES)
    assert score["intervals"]["test"] == expected["intervals"]["accuracy"]
    recalls = finding.values["recalls"]
    assert recalls["melanoma"]["p_value"] < 0.01 < recalls["nevus"]["p_value"]
    assert [row[0] for row in finding.tables[0].rows[:3]] == [
        "accuracy",
        "balanced accuracy",
        "recall of melanoma",
    ]
    json.dumps(finding.values, allow_nan=False)


def test_false_alarms_are_rare_for_equal_splits() -> None:
    false_alarms = 0
    for seed in range(40):
        validation, test = (split(n, (0.8, 0.7, 0.6), n + seed) for n in (90, 51))
        false_alarms += bool(ValidationGap().evaluate(Evidence(test, validation)).warnings)
    assert false_alarms <= 3


def test_few_patients_reduce_significance() -> None:
    validation, test = split(90, (0.8, 0.8, 0.8), 0), split(60, (0.4, 0.5, 0.5), 1)
    patients = np.arange(60) // 15
    finding = ValidationGap()
    alone = finding.evaluate(Evidence(test, validation))
    grouped = finding.evaluate(Evidence(replace(test, groups=patients), validation))
    assert (
        grouped.values["scores"]["accuracy"]["p_value"]
        > alone.values["scores"]["accuracy"]["p_value"]
    )


@pytest.mark.parametrize("rows", [slice(0), None])
def test_missing_validation_images_are_reported_as_a_gap(rows: slice | None) -> None:
    test = split(9, (1.0, 1.0, 1.0), 0)
    empty = None if rows is None else split(0, (1.0, 1.0, 1.0), 0)
    finding = ValidationGap().evaluate(Evidence(test, empty))
    assert "there are no validation images" in finding.gaps[0]
    assert not finding.warnings


def test_class_in_only_one_split_is_excluded() -> None:
    validation, test = split(60, (0.8, 0.8, 0.8), 0), split(2, (1.0, 1.0, 1.0), 1)
    values = ValidationGap().evaluate(Evidence(test, validation)).values
    assert list(values["scores"]) == ["accuracy"]
    assert list(values["recalls"]) == ["melanoma", "nevus"]
