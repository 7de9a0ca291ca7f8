"""What a label table states about test images reaches scores and evaluations."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from keraunos.evaluation.predictions import Predictions
from keraunos.evaluation.statistics.intervals import bootstrap_intervals
from keraunos.trainer.loop.evaluation import score_predictions
from keraunos.trainer.subject import TrainedModel

COUNT = 24
LABELS = np.arange(COUNT, dtype=np.int32) % 2
PATIENTS = np.arange(COUNT) // 4


@dataclass
class Split:
    """Labeled images of patients, with their sex."""

    contradictory: np.ndarray = field(default_factory=lambda: np.arange(COUNT) == 0)
    groups: np.ndarray | None = None
    columns: dict[str, Any] = field(
        default_factory=lambda: {"sex": np.array(["f", "m", ""] * 8, object)}
    )


@pytest.fixture
def predictions() -> Predictions:
    likely = np.random.default_rng(3).random(COUNT, np.float32)
    names = [f"{number}.png" for number in range(COUNT)]
    return Predictions(names, np.stack([likely, 1 - likely], 1), ("cat", "dog"), LABELS)


def test_intervals_of_test_scores_resample_whole_groups(predictions: Predictions) -> None:
    scores = score_predictions(Split(groups=PATIENTS), predictions)
    wanted = bootstrap_intervals(LABELS, predictions.probabilities, groups=PATIENTS)
    assert scores["intervals"] == {name: list(each) for name, each in wanted.items()}
    cleaned = scores["without_contradictory_images"]["intervals"]
    wanted = bootstrap_intervals(
        LABELS[1:], predictions.probabilities[1:], groups=PATIENTS[1:]
    )
    assert cleaned == {name: list(each) for name, each in wanted.items()}
    alone = score_predictions(Split(), predictions)
    assert alone["accuracy"] == scores["accuracy"]
    assert alone["intervals"] != scores["intervals"]


def test_evaluations_receive_columns_and_groups(predictions: Predictions) -> None:
    split = Split(groups=PATIENTS)
    subject = TrainedModel(None, split, None)
    test = subject.evidence(predictions).test
    assert test.columns["sex"].tolist() == ["f", "m", ""] * 8
    np.testing.assert_array_equal(test.groups, PATIENTS)
    np.testing.assert_array_equal(test.contradictory, split.contradictory)


def test_data_without_a_table_has_no_columns_or_groups(predictions: Predictions) -> None:
    test = TrainedModel(None, object(), None).evidence(predictions).test
    assert test.groups is None
    assert test.columns == {}
