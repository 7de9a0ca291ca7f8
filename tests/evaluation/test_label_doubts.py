"""Doubtful labels are found after some were flipped on purpose."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from keraunos.evaluation.label_doubts import find_label_doubts, write_label_doubts
from keraunos.evaluation.predictions import Predictions
from sklearn.metrics import average_precision_score

SEEDS = range(5)
FLIPPED = 0.05


class Noisy(NamedTuple):
    """Labels, some of them flipped, and predicted probabilities."""

    labels: np.ndarray
    probabilities: np.ndarray
    is_wrong: np.ndarray


def noisy_labels(
    seed: int, classes: int, sharpness: float = 2.0, memorized: bool = False
) -> Noisy:
    """600 images of uneven classes; `memorized` repeats the labels, as training does."""
    random = np.random.default_rng(seed)
    true = random.choice(classes, 600, p=random.dirichlet(np.full(classes, 3.0)))
    is_wrong = np.zeros(600, bool)
    is_wrong[random.choice(600, int(FLIPPED * 600), replace=False)] = True
    other = (true + random.integers(1, classes, 600)) % classes
    labels = np.where(is_wrong, other, true).astype(np.int32)
    logits = random.normal(size=(600, classes))
    logits[np.arange(600), labels if memorized else true] += sharpness
    likely = np.exp(1.5 * logits)
    likely /= likely.sum(axis=1, keepdims=True)
    return Noisy(labels, likely.astype(np.float32), is_wrong)


def average_precision(made: Noisy) -> float:
    doubts = find_label_doubts(made.labels, made.probabilities)
    ranks = np.empty(600)
    ranks[doubts.order] = np.arange(600)
    return float(average_precision_score(made.is_wrong, -ranks))


@pytest.mark.parametrize("classes", [2, 3, 9])
@pytest.mark.parametrize("seed", SEEDS)
def test_flipped_labels_rank_first(classes: int, seed: int) -> None:
    assert average_precision(noisy_labels(seed, classes)) > 8 * FLIPPED


@pytest.mark.parametrize("seed", SEEDS)
def test_flipped_labels_are_not_found_by_a_model_that_memorized_them(seed: int) -> None:
    assert average_precision(noisy_labels(seed, 3, memorized=True)) < 2 * FLIPPED


@pytest.mark.parametrize("seed", SEEDS)
def test_most_flipped_labels_and_few_others_are_doubtful(seed: int) -> None:
    made = noisy_labels(seed, classes=3, sharpness=3.0)
    in_doubt = find_label_doubts(made.labels, made.probabilities).in_doubt
    assert in_doubt[made.is_wrong].mean() > 0.65
    assert in_doubt[~made.is_wrong].mean() < 0.01


def test_rule_equals_a_hand_computed_example() -> None:
    labels = np.array([0, 0, 1, 1, 2])
    probabilities = np.array(
        [
            [0.60, 0.30, 0.10],  # its own class
            [0.20, 0.55, 0.25],  # class 1 is at least as likely as on average
            [0.10, 0.50, 0.40],  # its own class, below the average of class 2
            [0.45, 0.40, 0.15],  # class 0 is likelier than its own, and above average
            [0.39, 0.22, 0.39],  # its own class is as likely as any
        ]
    )
    doubts = find_label_doubts(labels, probabilities)
    assert doubts.thresholds.tolist() == pytest.approx([0.40, 0.45, 0.39])
    assert doubts.in_doubt.tolist() == [False, True, False, True, False]
    assert doubts.suggested.tolist() == [1, 1, 2, 0, 0]
    assert doubts.order.tolist() == [1, 4, 3, 2, 0]
    assert doubts.most_doubtful.tolist() == [1, 3]
    assert doubts.confident_joint.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]


def test_label_that_is_the_most_likely_class_is_not_doubtful() -> None:
    """Class 0 of the second image is below its mean (0.75), class 1 above (0.35)."""
    likely = np.array([0.95, 0.55, 0.6, 0.7])
    doubts = find_label_doubts(np.array([0, 0, 1, 1]), np.stack([likely, 1 - likely], 1))
    assert doubts.confident_joint[0].tolist() == [1, 1]
    assert not doubts.in_doubt[1]


def test_class_without_images_is_never_suggested() -> None:
    probabilities = np.array([[0.1, 0.1, 0.8], [0.2, 0.7, 0.1], [0.6, 0.2, 0.2]])
    doubts = find_label_doubts(np.array([0, 1, 0]), probabilities)
    assert np.isinf(doubts.thresholds[2])
    assert not doubts.confident_joint[:, 2].any()
    assert not doubts.in_doubt[0]


def test_table_lists_images_most_doubtful_first(tmp_path: Path) -> None:
    labels = np.array([0, 1, 0], np.int32)
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.125, 0.875]], np.float32)
    predictions = Predictions(["a", "b", "=c"], probabilities, ["cat", "dog"], labels)
    doubts = find_label_doubts(labels, probabilities)
    write_label_doubts(tmp_path / "it.csv", predictions, doubts)
    with (tmp_path / "it.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == ["'=c", "b", "a"]
    assert rows[0] == {
        "rank": "1",
        "file": "'=c",
        "label": "cat",
        "suggestion": "dog",
        "in_doubt": "1",
        "probability_of_label": "0.125",
        "probability_of_suggestion": "0.875",
    }


@pytest.mark.nightly
@pytest.mark.parametrize("classes", [2, 3, 5, 9])
@pytest.mark.parametrize("seed", SEEDS)
def test_doubtful_labels_and_their_order_agree_with_cleanlab(
    classes: int, seed: int
) -> None:
    filters = pytest.importorskip("cleanlab.filter")
    from cleanlab.rank import get_label_quality_scores

    for sharpness in (1.0, 2.0, 3.0):
        made = noisy_labels(seed, classes, sharpness)
        doubts = find_label_doubts(made.labels, made.probabilities)
        theirs = filters.find_label_issues(
            made.labels, made.probabilities, filter_by="confident_learning", n_jobs=1
        )
        # If the most likely class is not confidently predicted, but others are,
        # the paper takes the most likely of these, while cleanlab takes that class.
        likeliest = made.probabilities.argmax(axis=1)
        confident = made.probabilities.max(axis=1) >= doubts.thresholds[likeliest] - 1e-6
        np.testing.assert_array_equal(doubts.in_doubt[confident], theirs[confident])
        assert (doubts.in_doubt != theirs).sum() <= 1
        quality = get_label_quality_scores(
            made.labels, made.probabilities, method="self_confidence"
        )
        assert (np.diff(quality[doubts.order]) >= 0).all()
