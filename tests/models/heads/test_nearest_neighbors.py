"""Votes of nearest neighbors, counted one by one."""

import numpy as np
import pytest
from keraunos.models.heads import TrainingFeatures
from keraunos.models.heads.nearest_neighbors import Neighbors, fit_neighbors


def drawn(rows: int = 60, seed: int = 0) -> TrainingFeatures:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, rows)
    features = random.normal(size=(rows, 6))
    features[np.arange(rows), labels] += 2
    weights, groups = random.uniform(0.5, 2, rows), random.integers(0, 25, rows)
    return TrainingFeatures.of(features, labels, 3, weights, groups)


def counted(
    data: TrainingFeatures, rows: np.ndarray, feature: np.ndarray, found: Neighbors
) -> np.ndarray:
    """Probabilities of one image by the votes of some rows."""
    lengths = np.linalg.norm(data.features, axis=1) * np.linalg.norm(feature)
    cosines = data.features @ feature / lengths
    order = rows[np.argsort(-cosines[rows])]
    near, last = order[: found.neighbors], order[found.neighbors]
    votes = np.zeros(3) + found.prior
    for row in near:
        heights = np.exp((cosines[[row, last]] - cosines[near[0]]) / found.temperature)
        votes[data.labels[row]] += data.weights[row] * (heights[0] - heights[1])
    return votes / votes.sum()


def test_neighbors_vote_by_their_similarity() -> None:
    data = drawn()
    found = fit_neighbors(data, neighbors=7)
    others = np.random.default_rng(1).normal(size=(5, 6))
    every = np.arange(len(data.labels))
    wanted = [counted(data, every, feature, found) for feature in others]
    np.testing.assert_allclose(found.probabilities(others), wanted, rtol=1e-4)


def test_images_of_the_same_group_do_not_vote_for_each_other() -> None:
    data = drawn()
    found = fit_neighbors(data, neighbors=7)
    left_out = [
        counted(data, np.flatnonzero(data.groups != group), feature, found)
        for feature, group in zip(data.features, data.groups, strict=True)
    ]
    assert found.log_loss == pytest.approx(data.log_loss(np.array(left_out)), rel=1e-4)


def test_an_image_is_not_its_own_neighbor() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 90)  # independent of the features
    data = TrainingFeatures.of(random.normal(size=(90, 4)), labels, 3)
    assert fit_neighbors(data, neighbors=1).log_loss > 1.0


def test_order_of_tied_last_neighbors_makes_no_difference() -> None:
    angles = np.array([0.0, 0.3, 0.8, 0.8 + 1e-6, 1.2])
    features = np.column_stack([np.cos(angles), np.sin(angles)])
    data = TrainingFeatures.of(features, np.array([0, 1, 0, 1, 1]), 2)
    swapped = TrainingFeatures.of(features, np.array([0, 1, 1, 0, 1]), 2)
    ask = np.array([[1.0, -0.1]])
    one, other = (fit_neighbors(each, 3, 0.07) for each in (data, swapped))
    other = other._replace(prior=one.prior)
    np.testing.assert_allclose(one.probabilities(ask), other.probabilities(ask), atol=1e-4)
