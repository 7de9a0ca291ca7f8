"""Differences between subsets of images, and their significance."""

import numpy as np
import pytest
from keraunos.evaluation.statistics.differences import difference, holm


def two_sides(inside: tuple[int, int], outside: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """Right and inside, for (right, images) of both sides."""
    right = [np.arange(count) < good for good, count in (inside, outside)]
    return np.concatenate(right), np.repeat([True, False], [inside[1], outside[1]])


def test_difference_of_proportions_is_estimated() -> None:
    assert difference(*two_sides((6, 10), (40, 50))).value == pytest.approx(0.6 - 0.8)


@pytest.mark.parametrize(
    ("inside", "outside"), [((6, 10), (40, 50)), ((8, 40), (90, 100)), ((30, 60), (45, 60))]
)
def test_interval_is_the_agresti_caffo_interval(inside, outside) -> None:
    found = difference(*two_sides(inside, outside))
    shares = [(right + 1) / (count + 2) for right, count in (inside, outside)]
    counts = [count + 2 for _, count in (inside, outside)]
    error = np.sqrt(sum(p * (1 - p) / n for p, n in zip(shares, counts, strict=True)))
    centre = shares[0] - shares[1]
    assert found.low == pytest.approx(centre - 1.96 * error, abs=0.05)
    assert found.high == pytest.approx(centre + 1.96 * error, abs=0.05)


@pytest.mark.parametrize("count", [1, 2])
def test_few_images_give_wide_intervals_and_no_significance(count: int) -> None:
    found = difference(*two_sides((0, count), (90, 100)))
    assert found.value == pytest.approx(-0.9)
    assert found.high - found.low > 0.5
    assert holm([found.p_value, 0.5, 0.5, 0.5, 0.5])[0] > 0.01


def test_images_of_one_patient_are_not_independent() -> None:
    right, inside = two_sides((10, 40), (140, 200))
    alone = difference(right, inside)
    patients = np.concatenate([np.arange(40) // 10, 4 + np.arange(200) // 10])
    together = difference(right, inside, groups=patients)
    assert together.value == alone.value
    assert together.p_value > 100 * alone.p_value
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


def test_patient_on_both_sides_is_resampled_as_a_whole() -> None:
    right, inside = two_sides((5, 10), (5, 10))
    patients = np.tile(np.arange(5), 4)
    assert difference(right, inside, groups=patients).value == 0


def test_stratified_difference_ignores_the_class_mix_of_each_side() -> None:
    """Each class is equally accurate on both sides; the hard one is mostly inside."""
    labels = np.repeat([0, 1, 0, 1], [20, 80, 80, 20])
    inside = np.arange(200) < 100
    right = np.where(labels == 0, np.arange(200) % 10 > 0, np.arange(200) % 2 > 0)
    plain = difference(right, inside)
    by_class = difference(right, inside, strata=labels)
    assert plain.value == pytest.approx(-0.24)
    assert plain.high < 0
    assert by_class.value == pytest.approx(0)
    assert by_class.p_value > 0.8


def test_holm_correction_keeps_the_order_of_p_values() -> None:
    assert holm([0.01, 0.02, 0.03]) == pytest.approx([0.03, 0.04, 0.04])
    assert holm([0.6, 0.001, 0.4]) == pytest.approx([0.8, 0.003, 0.8])
    assert holm([]) == []


@pytest.mark.slow
def test_family_wise_error_rate_stays_near_five_percent() -> None:
    named = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        right, sites = random.random(160) < 0.7, random.integers(0, 9, 160)
        p_values = [difference(right, sites == site).p_value for site in range(9)]
        named += min(holm(p_values)) < 0.05
    assert named <= 6


@pytest.mark.nightly
def test_intervals_and_corrected_p_values_agree_with_statsmodels() -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    from statsmodels.stats.multitest import multipletests

    random = np.random.default_rng(0)
    for _ in range(20):
        counts = random.integers(5, 200, 2)
        rights = random.integers(0, counts + 1)
        sides = tuple(zip(rights.tolist(), counts.tolist(), strict=True))
        found = difference(*two_sides(*sides))
        low, high = proportion.confint_proportions_2indep(
            rights[0], counts[0], rights[1], counts[1], method="agresti-caffo"
        )
        assert found.low == pytest.approx(max(low, -1), abs=0.06)
        assert found.high == pytest.approx(min(high, 1), abs=0.06)
    p_values = random.random(30) ** 3
    np.testing.assert_allclose(holm(p_values), multipletests(p_values, method="holm")[1])
