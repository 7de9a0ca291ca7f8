"""Mixing of images: partners, shares, boxes, pixels and targets."""

from typing import Any

import numpy as np
import pytest
from keraunos import Augmentation
from keraunos.data.augmentation.mixing import Partners, mix, mixed_targets
from scipy import stats

SIZE = 64
ROWS = 4000
IMAGES = np.arange(ROWS, dtype=np.uint64) * 977
LABELS = np.repeat([0, 1, 2], [3000, 900, 100])

Array = np.ndarray[Any, Any]


def mixes(seed: int = 7, draw: int = 0, groups: Any = None, **alphas: float) -> Any:
    groups = np.zeros(ROWS, int) if groups is None else groups
    draws = np.full(ROWS, draw)
    partners = Partners(groups, IMAGES)
    return Augmentation(0, **alphas).draw_mixes(seed, IMAGES, draws, SIZE, partners)


def noise(seed: int) -> Array:
    shape = (3, SIZE, SIZE, 3)
    return np.random.default_rng(seed).uniform(0, 255, shape).astype("float32")


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_mixup_shares_follow_the_beta_distribution(alpha: float) -> None:
    found = mixes(mixup=alpha)
    assert stats.kstest(found.shares, stats.beta(alpha, alpha).cdf).pvalue > 0.01
    np.testing.assert_allclose(found.patches[:, 0], found.shares, atol=1e-7)
    assert (found.patches[:, 1:] == [0, 0, SIZE, SIZE]).all()
    assert len(np.unique(found.shares)) > 0.99 * ROWS  # each image has its own


def test_cutmix_share_is_one_minus_the_clipped_box_area() -> None:
    found = mixes(cutmix=1.0)
    within, left, top, right, bottom = found.patches.T
    assert not within.any()
    assert (found.patches[:, 1:] >= 0).all()
    assert (found.patches[:, 1:] <= SIZE).all()
    area = (right - left) * (bottom - top) / SIZE**2
    np.testing.assert_array_equal(found.shares, 1 - area)
    inner = (left > 0) & (top > 0) & (right < SIZE) & (bottom < SIZE)
    assert np.abs((right - left) - (bottom - top))[inner].max() <= 1
    # With shares and centers that are uniform: E (1 - s)^2 and 1 - E (s - s^2 / 4)^2, where
    # s^2 is uniform.
    assert abs(inner.mean() - 1 / 6) < 0.03
    assert abs(found.shares.mean() - 0.679) < 0.02


def test_each_image_gets_either_mixup_or_cutmix_when_both_are_on() -> None:
    found = mixes(mixup=0.4, cutmix=1.0)
    is_cut = found.patches[:, 0] == 0
    assert 0.47 < is_cut.mean() < 0.53
    np.testing.assert_array_equal(found.patches[is_cut], mixes(cutmix=1.0).patches[is_cut])
    np.testing.assert_array_equal(found.patches[~is_cut], mixes(mixup=0.4).patches[~is_cut])


def test_partners_and_shares_depend_on_seed_and_draw() -> None:
    first = mixes(mixup=1.0)
    for other in (mixes(seed=8, mixup=1.0), mixes(draw=1, mixup=1.0)):
        assert (first.partners == other.partners).mean() < 0.01
        assert (first.shares == other.shares).mean() < 0.01
    again = mixes(mixup=1.0)
    np.testing.assert_array_equal(first.partners, again.partners)
    np.testing.assert_array_equal(first.shares, again.shares)


def test_mixes_repeat_after_the_number_of_views() -> None:
    draws, partners = np.arange(6), Partners(np.zeros(ROWS, int), IMAGES)
    augmentation = Augmentation(0, views=3, mixup=1.0)
    found = augmentation.draw_mixes(7, np.full(6, 5, np.uint64), draws, SIZE, partners)
    np.testing.assert_array_equal(found.partners[:3], found.partners[3:])
    np.testing.assert_array_equal(found.shares[:3], found.shares[3:])
    assert len(set(found.partners)) == 3


def test_partners_are_uniform_over_images_or_over_classes() -> None:
    of_all = LABELS[mixes(mixup=1.0).partners]
    assert np.abs(np.bincount(of_all) / ROWS - [0.75, 0.225, 0.025]).max() < 0.02
    of_classes = LABELS[mixes(mixup=1.0, groups=LABELS).partners]
    assert np.abs(np.bincount(of_classes) / ROWS - 1 / 3).max() < 0.025


def test_partners_do_not_depend_on_row_order() -> None:
    order = np.random.default_rng(0).permutation(ROWS)
    group, member = np.random.default_rng(1).uniform(size=(2, 50))
    known = Partners(LABELS, IMAGES).at(group, member)
    shuffled = Partners(LABELS[order], IMAGES[order]).at(group, member)
    np.testing.assert_array_equal(IMAGES[order][shuffled], IMAGES[known])


def test_unblended_pixels_equal_one_of_the_two_images() -> None:
    own, other = noise(0), noise(1)
    patches = np.float32(
        [[1, 0, 0, SIZE, SIZE], [0, 3, 5, 40, 60], [0.25, 0, 0, SIZE, SIZE]]
    )
    mixed = mix(own, other, patches).numpy()
    np.testing.assert_array_equal(mixed[0], own[0])
    cut = own[1].copy()
    cut[5:60, 3:40] = other[1][5:60, 3:40]
    np.testing.assert_array_equal(mixed[1], cut)
    np.testing.assert_allclose(mixed[2], 0.25 * own[2] + 0.75 * other[2], rtol=1e-5)
    white = np.full_like(own, 255)
    blended = mix(white, white, np.float32([[s, 0, 0, 64, 64] for s in (0.1, 0.3, 0.7)]))
    assert blended.numpy().max() <= 255


def test_targets_hold_the_shares_of_both_classes() -> None:
    labels, others = np.array([0, 1, 2]), np.array([2, 1, 0])
    targets, weights = mixed_targets(labels, others, np.array([0.75, 0.3, 1]), np.ones(4))
    expected = [[0.75, 0, 0.25, 0], [0, 1, 0, 0], [0, 0, 1, 0]]
    np.testing.assert_allclose(targets, expected, rtol=1e-7)
    np.testing.assert_array_equal(weights, 1)
    assert targets.dtype == weights.dtype == np.float32


def test_class_weighted_loss_is_the_share_weighted_sum_of_both_losses() -> None:
    random = np.random.default_rng(0)
    labels, others = random.integers(0, 3, (2, 9))
    shares, by_class = random.uniform(size=9), np.array([0.5, 1.0, 7.0])
    targets, weights = mixed_targets(labels, others, shares, by_class)
    losses = -np.log(random.dirichlet(np.ones(3), 9))
    rows = np.arange(9)
    own = shares * by_class[labels] * losses[rows, labels]
    theirs = (1 - shares) * by_class[others] * losses[rows, others]
    found = weights * (targets * losses).sum(axis=1)
    np.testing.assert_allclose(found, own + theirs, rtol=1e-6)
