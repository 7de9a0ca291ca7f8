"""The optimism of selecting the best of several models, where the truth is known."""

import numpy as np
import pytest
from keraunos.evaluation.comparisons.selection import optimism_of_best

IMAGES, MODELS = 60, 8


def random_predictions(
    random: np.random.Generator, right: float, labels: np.ndarray
) -> np.ndarray:
    """Predictions that are right with the given probability."""
    said = np.where(random.random(len(labels)) < right, labels, 1 - labels)
    return np.eye(2)[said] * 0.8 + 0.1


def test_estimated_optimism_matches_the_actual_selection_bias() -> None:
    random = np.random.default_rng(0)
    labels = np.arange(IMAGES) % 2
    estimated, actual = [], []
    for _ in range(12):  # models that are all equally accurate
        models = [random_predictions(random, 0.7, labels) for _ in range(MODELS)]
        accuracies = [(each.argmax(axis=1) == labels).mean() for each in models]
        estimated.append(optimism_of_best(labels, models, score="accuracy"))
        actual.append(max(accuracies) - 0.7)
    assert np.mean(actual) > 0.05
    assert 0.4 < np.mean(estimated) / np.mean(actual) < 1.6


def test_optimism_is_zero_for_a_single_model_or_a_clear_winner() -> None:
    labels = np.arange(IMAGES) % 2
    random = np.random.default_rng(1)
    good, bad = (
        random_predictions(random, 0.97, labels),
        random_predictions(random, 0.5, labels),
    )
    assert optimism_of_best(labels, [good]) == 0
    assert abs(optimism_of_best(labels, [good, bad])) < 0.002


def test_grouped_images_increase_the_optimism() -> None:
    random = np.random.default_rng(2)
    labels = np.arange(12) % 2
    models = [random_predictions(random, 0.7, labels) for _ in range(MODELS)]
    rows = np.repeat(np.arange(12), 5)
    repeated = [each[rows] for each in models]
    apart = optimism_of_best(labels[rows], repeated)
    together = optimism_of_best(labels[rows], repeated, groups=rows)
    assert together > apart
    assert together == pytest.approx(optimism_of_best(labels, models), abs=0.02)
