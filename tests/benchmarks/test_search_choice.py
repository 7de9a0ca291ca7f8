"""Heads and drawings of benchmarks/search_choice.py: held-out data is never trained on."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from search_choice_heads import (
    EPOCHS,
    PATIENCE,
    Heads,
    balanced_accuracy,
    best_epoch,
    space,
)
from search_choice_images import Drawings, labels_of

VALUES = space().values | {"learning_rate": 0.02, "standardize": True, "whiten": True}


def clouds(seed: int, count: int, noise: float = 1.0) -> Drawings:
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    features = noise * random.normal(size=(count, 10)) + 4 * np.eye(10)[labels]
    return Drawings(features.astype(np.float32), labels)


def test_class_frequencies_match_the_training_set():
    counts = np.bincount(labels_of(747))
    assert counts.tolist() == [38, 126, 32, 146, 119, 154, 26, 60, 46]
    assert abs(len(labels_of(5000)) - 5000) <= 4


def test_a_head_learns_and_is_scored_after_its_best_epoch():
    heads = Heads(clouds(0, 60, 0.5), clouds(1, 90, 0.5), seed=0)
    held_out = np.arange(60) % 5 == 0
    trained = heads.train(VALUES, held_out)
    assert max(trained.scores) > 0.9
    assert heads.true_score(trained.probabilities) > 0.9
    assert len(trained.scores) in (best_epoch(trained.scores) + PATIENCE, EPOCHS)
    assert heads.refit(VALUES, 10) > 0.9


@pytest.mark.parametrize("standardize", [False, True])
def test_held_out_features_do_not_affect_preprocessing(standardize):
    images, held_out = clouds(0, 60), np.arange(60) % 5 == 0
    spoiled = Drawings(images.features.copy(), images.labels)
    spoiled.features[held_out] *= -1000
    values = VALUES | {"standardize": standardize}
    inputs, others = (
        Heads(each, clouds(1, 30), seed=0)._inputs(values, held_out)[0][~held_out]
        for each in (images, spoiled)
    )
    np.testing.assert_array_equal(inputs, others)


def test_balanced_accuracy_averages_only_classes_that_are_present():
    labels, predicted = np.array([0, 0, 0, 2, 2, 3]), np.array([0, 1, 0, 2, 3, 3])
    assert balanced_accuracy(labels, predicted) == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
