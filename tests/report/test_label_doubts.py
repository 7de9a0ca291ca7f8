"""Doubtful labels in a report."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from keraunos.configs import EvaluationConfig
from keraunos.evaluation.evidence import Evidence, Labeled
from keraunos.evaluation.finding import Finding
from keraunos.evaluation.label_doubts import find_label_doubts
from keraunos.report.label_doubts import MOST_SHOWN, DoubtfulLabels
from keraunos.report.registry import create_parts
from simulated import labeled

COUNT = 60


@dataclass
class Asked:
    """Stands in for a model; returns images whose pixels equal the row."""

    validation: Any = None

    def images(self, rows: np.ndarray) -> np.ndarray:
        return np.broadcast_to(
            rows[:, None, None, None].astype(np.uint8), (len(rows), 2, 2, 3)
        )


@pytest.fixture
def validation() -> Labeled:
    """60 images of 3 classes, of which every tenth has the label of another class."""
    true = np.arange(COUNT) % 3
    random = np.random.default_rng(0)
    likely = random.dirichlet(np.ones(3), COUNT) + 4 * np.eye(3)[true]
    labels = np.where(np.arange(COUNT) % 10 == 4, (true + 1) % 3, true)
    return labeled(likely / 5, labels)


def evaluate_labels(validation: Labeled | None, **options: Any) -> Finding:
    test = labeled(np.full((4, 3), 1 / 3), np.array([0, 1, 2, 0]))
    subject = Asked(Asked() if validation is not None else None)
    return DoubtfulLabels(**options).explain(Evidence(test, validation), subject)


def test_flipped_labels_are_listed_and_shown(validation: Labeled) -> None:
    finding = evaluate_labels(validation)
    assert finding.values["in_doubt"] == 6
    files = [each["file"] for each in finding.values["most_doubtful"]]
    assert sorted(files) == sorted(f"{row}.png" for row in range(4, COUNT, 10))
    order = find_label_doubts(validation.labels, validation.probabilities).most_doubtful
    assert [panel.row for panel in finding.panels] == order.tolist()
    for panel in finding.panels:
        assert (panel.pixels == panel.row).all()
        assert panel.caption[2] == f"{panel.row}.png"
        label = validation.class_names[validation.labels[panel.row]]
        assert panel.caption[0].startswith(f"label {label} (")
    assert sum(each["images"] for each in finding.values["pairs"]) == 6
    assert finding.conclusions == ["Of 60 validation images, 6 have a label in doubt."]


def test_unjudged_training_labels_are_reported_as_a_gap(validation: Labeled) -> None:
    (gap,) = evaluate_labels(validation).gaps
    assert gap.startswith("not measured: labels of training images")
    assert "data.folds" in gap


def test_labels_are_not_judged_without_validation_images() -> None:
    finding = evaluate_labels(None)
    assert finding.values == {}
    assert "there are no validation images" in finding.gaps[0]


def test_duplicates_with_another_class_are_counted(validation: Labeled) -> None:
    known = replace(validation, contradictory=np.arange(COUNT) < 15)
    assert "2 have a copy in another" in evaluate_labels(known).conclusions[0]


def test_long_lists_and_images_are_truncated(validation: Labeled) -> None:
    finding = evaluate_labels(validation, most=2)
    assert len(finding.values["most_doubtful"]) == 2
    assert finding.values["in_doubt"] == 6
    many = labeled(np.tile([[0.9, 0.1], [0.1, 0.9]], (50, 1)), np.arange(100) // 40 % 2)
    assert len(evaluate_labels(many).panels) == MOST_SHOWN


def test_many_doubtful_labels_raise_a_warning_about_a_weak_model(validation) -> None:
    assert evaluate_labels(validation).warnings == []
    shuffled = np.random.default_rng(0).permutation(validation.labels)
    (warning,) = evaluate_labels(labeled(validation.probabilities, shuffled)).warnings
    assert "weak models rather than wrong labels" in warning


def test_clean_labels_produce_no_table(validation: Labeled) -> None:
    clean = labeled(validation.probabilities, validation.predicted)
    finding = evaluate_labels(clean)
    assert finding.values["in_doubt"] == 0
    assert finding.tables == finding.panels == []


def test_part_is_created_from_the_configuration() -> None:
    parts = create_parts(EvaluationConfig(label_doubts={"most": 7}))
    assert parts["label_doubts"] == DoubtfulLabels(7)
