"""Splits are stratified by class where groups allow, and no group is divided."""

from collections.abc import Iterator

import numpy as np
import pytest
from keraunos.data.index.stratified import assign_folds, hold_out

SEEDS = range(25)


def drawn(seed: int, largest: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels of uneven classes, and groups of one to `largest` images of one class."""
    random = np.random.default_rng(seed)
    counts = random.integers(12, 150, random.integers(2, 9))
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
    groups = np.cumsum(random.random(len(labels)) < 2 / (1 + largest))
    groups = groups * 100 + labels  # none has two classes
    order = random.permutation(len(labels))
    return labels[order], np.unique(groups[order], return_inverse=True)[1]


def straddling(groups: np.ndarray, sides: np.ndarray) -> Iterator[int]:
    return (g for g in np.unique(groups) if len(set(sides[groups == g])) > 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_without_groups_each_class_is_held_out_to_the_nearest_image(seed: int) -> None:
    labels, _ = drawn(seed, largest=1)
    held = hold_out(labels, np.arange(len(labels)), 0.2, seed)
    counts = np.bincount(labels[held], minlength=labels.max() + 1)
    np.testing.assert_array_equal(counts, np.rint(0.2 * np.bincount(labels)))


@pytest.mark.parametrize("seed", SEEDS)
def test_with_small_groups_each_class_is_off_by_at_most_one_image(seed: int) -> None:
    labels, groups = drawn(seed, largest=3)
    held = hold_out(labels, groups, 0.2, seed)
    assert list(straddling(groups, held)) == []
    aims = np.rint(0.2 * np.bincount(labels))
    counts = np.bincount(labels[held], minlength=len(aims))
    assert np.abs(counts - aims).max() <= 1


@pytest.mark.parametrize("seed", range(8))
def test_groups_of_several_classes_stay_whole_and_stratified(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 5, 300).astype(np.int32)
    groups = random.integers(0, 120, 300)
    held = hold_out(labels, groups, 0.25, seed)
    assert list(straddling(groups, held)) == []
    for label in range(5):
        part = held[labels == label].mean()
        assert 0.15 < part < 0.35
    assert abs(held.mean() - 0.25) < 0.03


def test_class_of_one_large_group_stays_in_one_split() -> None:
    labels = np.repeat([0, 1], [40, 10]).astype(np.int32)
    groups = np.concatenate([np.arange(40), np.full(10, 99)])
    held = hold_out(labels, groups, 0.2, seed=0)
    assert len(set(held[labels == 1])) == 1
    assert held[labels == 0].sum() == 8


def test_split_is_determined_by_the_seed() -> None:
    labels, groups = drawn(3, largest=3)
    first, again, other = (hold_out(labels, groups, 0.2, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("largest", [1, 3])
def test_folds_are_stratified_and_keep_groups_whole(seed: int, largest: int) -> None:
    labels, groups = drawn(seed, largest)
    folds = assign_folds(labels, groups, 4, seed)
    assert set(folds) == set(range(4))
    assert list(straddling(groups, folds)) == []
    for label in np.unique(labels):
        counts = np.bincount(folds[labels == label], minlength=4)
        assert counts.max() - counts.min() <= largest
    np.testing.assert_array_equal(folds, assign_folds(labels, groups, 4, seed))
    assert (folds != assign_folds(labels, groups, 4, seed + 100)).any()
