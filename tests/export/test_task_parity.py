"""Multi-label and regression exports are compared with their model."""

import json
from pathlib import Path

import numpy as np
import pytest
from keraunos.core.errors import ConfigError
from keraunos.export.asked_export import read_answers
from keraunos.export.comparison import Reference
from keraunos.export.description import Description
from keraunos.export.evaluated_run import require_classification
from keraunos.export.parity import TOLERANCE, compare
from keraunos.export.portable.answers import Answers, describe
from keraunos.export.portable.document import parse_document
from keraunos.export.portable.fields import ModelFileError
from keraunos.export.portable.task_answers import TaskRules

LABELS = ("hair", "ink")
PROBABILITIES = np.array([[0.9, 0.2], [0.40005, 0.7], [0.1, 0.35]])
NUMBERS = np.array([[5000.0, 0.2], [4000.0, -0.7], [3000.0, 0.5]])
FILES = [Path(f"{number}.png") for number in range(3)]
OF_LABELS = Description(
    "run", LABELS, 32, task="multi_label", thresholds=(0.4, None)
).as_json()
OF_NUMBERS = Description(
    "run", LABELS, 32, task="regression", half_widths=(50.0, None)
).as_json()


def answer(outputs: np.ndarray, document: dict) -> str:
    """Returns the output of `predict.py`."""
    rows = describe(Answers(outputs, outputs), parse_document(document))
    return "\n".join(map(json.dumps, rows))


def reference(outputs: np.ndarray, document: dict) -> Reference:
    rules = parse_document(document).rules_of_task
    return Reference(FILES, LABELS, outputs, rules=rules)


def test_labels_are_assigned_by_their_own_thresholds():
    rows = [json.loads(line) for line in answer(PROBABILITIES, OF_LABELS).splitlines()]
    assert [row["labels"] for row in rows] == [["hair"], ["hair", "ink"], []]
    assert rows[0]["thresholds"] == {"hair": 0.4, "ink": 0.5}
    assert rows[2]["probabilities"] == {"hair": 0.1, "ink": 0.35}


def test_regression_values_have_an_interval_if_one_was_measured():
    (row, *_) = map(json.loads, answer(NUMBERS, OF_NUMBERS).splitlines())
    assert row["values"] == {"hair": 5000, "ink": 0.2}
    assert row["intervals"] == {"hair": [4950, 5050], "ink": None}


@pytest.mark.parametrize(
    ("wanted", "document"), [(PROBABILITIES, OF_LABELS), (NUMBERS, OF_NUMBERS)]
)
def test_matching_export_passes(wanted, document):
    task = document["task"]
    found = read_answers(answer(wanted * (1 + 1e-6), document), 3, LABELS, task)
    parity = compare(found, reference(wanted, document))
    assert parity.has_passed
    assert 0 < parity.largest_difference < 2e-6


def test_label_near_its_threshold_may_differ():
    lower = PROBABILITIES - 0.9 * TOLERANCE  # 0.40005 falls below 0.4
    found = read_answers(answer(lower, OF_LABELS), 3, LABELS, "multi_label")
    assert not found.labels[1, 0]
    assert compare(found, reference(PROBABILITIES, OF_LABELS)).has_passed


def test_wrong_label_fails_the_check():
    other = OF_LABELS | {"label_thresholds": {"hair": 0.05, "ink": None}}
    found = read_answers(answer(PROBABILITIES, other), 3, LABELS, "multi_label")
    parity = compare(found, reference(PROBABILITIES, OF_LABELS))
    assert not parity.has_passed
    assert parity.disagreements == {"hair": 1}
    assert parity.agreement == pytest.approx(2 / 3)


def test_regression_difference_is_relative_to_each_target():
    """An error of 0.001 is large for a target around 0.7, despite targets in thousands."""
    wrong = NUMBERS + np.array([0, 0.001])
    found = read_answers(answer(wrong, OF_NUMBERS), 3, LABELS, "regression")
    parity = compare(found, reference(NUMBERS, OF_NUMBERS))
    assert not parity.has_passed
    assert parity.largest_difference == pytest.approx(0.001 / 0.7, rel=1e-3)


def test_wrong_names_and_missing_rows_are_rejected():
    written = answer(NUMBERS, OF_NUMBERS)
    with pytest.raises(ConfigError, match="its names are hair, ink"):
        read_answers(written, 3, ("hair", "ruler"), "regression")
    with pytest.raises(ConfigError, match="3 lines for 4 images"):
        read_answers(written, 4, LABELS, "regression")


def test_unknown_task_or_invalid_threshold_in_a_document_is_rejected():
    with pytest.raises(ModelFileError, match="`task` must be one of"):
        parse_document(OF_NUMBERS | {"task": "segmentation"})
    with pytest.raises(ModelFileError, match=r"label_thresholds.hair.*finite number"):
        parse_document(OF_LABELS | {"label_thresholds": {"hair": "low"}})
    older = {key: value for key, value in OF_NUMBERS.items() if key != "task"}
    assert parse_document(older).rules_of_task == TaskRules()


def test_options_for_classifiers_are_rejected_for_other_tasks():
    require_classification("regression", calibrated=False, int8=False)
    require_classification("classification", calibrated=True, int8=True)
    with pytest.raises(ConfigError, match="`int8` is for models of one class per image"):
        require_classification("multi_label", calibrated=False, int8=True)
