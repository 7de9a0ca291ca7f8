"""Tests whether a model is worse on some images than on all others.

Method: two-sample bootstrap that draws each side separately. One right and one wrong image
are added to each side (Agresti and Caffo, The American Statistician 54, 2000), so that a
few equal images do not appear certain. If groups are known, whole groups are drawn.
Multiple comparisons are corrected by Holm's method (Scandinavian Journal of Statistics 6,
1979).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from .resampling import ROUNDS

Mask = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.integer]
Floats = npt.NDArray[np.float64]

# Columns of the counts of each drawn unit.
_RIGHT, _INSIDE, _RIGHT_OUTSIDE, _OUTSIDE = range(4)


@dataclass(frozen=True)
class Difference:
    """A difference of accuracies: inside minus outside.

    Attributes:
        value: The observed difference.
        low: Low end of its 95% interval.
        high: High end of its 95% interval.
        p_value: Two-sided p-value under the hypothesis of no difference.
    """

    value: float
    low: float
    high: float
    p_value: float

    def as_json(self) -> dict[str, Any]:
        """Returns `value`, `interval` and `p_value` as JSON values."""
        return {
            "value": self.value,
            "interval": [self.low, self.high],
            "p_value": self.p_value,
        }


def difference(
    right: Mask,
    inside: Mask,
    strata: Integers | None = None,
    groups: Integers | None = None,
    seed: int = 0,
) -> Difference:
    """Compares the accuracy inside and outside a slice.

    Args:
        right: `(images,)` bool, whether the prediction is right.
        inside: `(images,)` bool, whether an image is in the slice; both must occur.
        strata: `(images,)` classes that are compared separately and averaged, so that
            different frequencies of difficult classes make no difference. Each must be on
            both sides. None compares all images together.
        groups: `(images,)` numbers shared by images of one group, such as a patient.
        seed: Seed of the draws.

    Example:
        >>> right = np.array([True] * 60 + [False] * 20)
        >>> inside = np.arange(80) % 4 > 2
        >>> difference(right, inside).value
        0.0
    """
    random = np.random.default_rng(seed)
    parts = np.zeros(len(right), np.intp) if strata is None else strata
    units = np.arange(len(right)) if groups is None else groups
    compared = [
        _compare(right[rows], inside[rows], units[rows], random)
        for rows in (parts == part for part in np.unique(parts))
    ]
    value, centre, rounds = (np.mean(each, axis=0) for each in zip(*compared, strict=True))
    low, high = np.quantile(rounds, [0.025, 0.975])
    p_value = 2 * special.ndtr(-abs(centre) / rounds.std())
    return Difference(float(value), float(low), float(high), float(p_value))


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrects p-values for multiple comparisons by Holm's method.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    raised = np.maximum.accumulate(np.asarray(p_values)[order] * factors)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(raised, 1)
    return [float(each) for each in corrected]


def _compare(
    right: Mask, inside: Mask, units: Integers, random: np.random.Generator
) -> tuple[float, float, Floats]:
    """Returns the difference as observed, with added images, and as drawn `(rounds,)`."""
    counts = _counts(right, inside, units)
    is_inside = counts[:, _INSIDE] >= counts[:, _OUTSIDE]
    sides = [_add_two_units(counts[is_inside], 0), _add_two_units(counts[~is_inside], 2)]
    drawn = sum(_draw(side, random) for side in sides)
    centre = np.concatenate(sides).sum(axis=0, keepdims=True)
    observed = counts.sum(axis=0, keepdims=True)
    return _shares(observed)[0], _shares(centre)[0], _shares(np.asarray(drawn))


def _counts(right: Mask, inside: Mask, units: Integers) -> Floats:
    """Counts images of each unit inside and outside, all and right ones, `(units, 4)`."""
    _, place = np.unique(units, return_inverse=True)
    masks = (right & inside, inside, right & ~inside, ~inside)
    return np.stack([np.bincount(place, weights=mask) for mask in masks], axis=1)


def _add_two_units(counts: Floats, first: int) -> Floats:
    """Adds two units of average size to a side, one right and one wrong."""
    size = counts[:, first + 1].mean() if len(counts) else 1.0
    added = np.zeros((2, 4))
    added[:, first + 1] = size
    added[0, first] = size
    return np.concatenate([counts, added])


def _draw(units: Floats, random: np.random.Generator) -> Floats:
    """Draws as many units as there are with replacement; returns sums `(rounds, 4)`."""
    kinds, counts = np.unique(units, axis=0, return_counts=True)
    drawn = random.multinomial(len(units), counts / len(units), size=ROUNDS)
    return drawn @ kinds


def _shares(sums: Floats) -> Floats:
    inside = sums[:, _RIGHT] / sums[:, _INSIDE]
    outside: Floats = sums[:, _RIGHT_OUTSIDE] / sums[:, _OUTSIDE]
    return inside - outside
