"""How sure it is that a model is worse on some images than on all others.

Method: two-sample bootstrap, each side drawn on its own, with one image added to each that
is right and one that is wrong (Agresti and Caffo, The American Statistician 54, 2000), so
that a few images are never sure of themselves. Where groups are known, whole groups are
drawn. Several comparisons are corrected by Holm (Scandinavian Journal of Statistics 6,
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

# Columns of what is counted in each unit that is drawn.
_RIGHT, _INSIDE, _RIGHT_OUTSIDE, _OUTSIDE = range(4)


@dataclass(frozen=True)
class Difference:
    """Of a share of right predictions: inside minus outside.

    Attributes:
        value: As observed.
        low: Low end of its 95 % interval.
        high: High end.
        p_value: How likely one as far from 0 is if there is none; two-sided.
    """

    value: float
    low: float
    high: float
    p_value: float

    def as_json(self) -> dict[str, Any]:
        """`value`, `interval` and `p_value`."""
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
    """Compares the share of right predictions inside and outside a slice.

    Args:
        right: `(images,)`: whether the prediction is right.
        inside: `(images,)`: whether an image is in the slice; some must be, and some not.
        strata: `(images,)`: classes whose shares are compared one by one, and averaged:
            then it makes no difference that one side has more of the difficult classes.
            Each must be on both sides. None compares all images together.
        groups: `(images,)` numbers shared by images of one group, such as a patient.
        seed: Of the draws.

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
        _compared(right[rows], inside[rows], units[rows], random)
        for rows in (parts == part for part in np.unique(parts))
    ]
    value, centre, rounds = (np.mean(each, axis=0) for each in zip(*compared, strict=True))
    low, high = np.quantile(rounds, [0.025, 0.975])
    p_value = 2 * special.ndtr(-abs(centre) / rounds.std())
    return Difference(float(value), float(low), float(high), float(p_value))


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrects p-values for their number: below 0.05, one of all is wrong in 20 reports.

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


def _compared(
    right: Mask, inside: Mask, units: Integers, random: np.random.Generator
) -> tuple[float, float, Floats]:
    """The difference as observed, with the images added, and `(rounds,)` as drawn."""
    counts = _counts(right, inside, units)
    is_inside = counts[:, _INSIDE] >= counts[:, _OUTSIDE]
    sides = [_with_two_added(counts[is_inside], 0), _with_two_added(counts[~is_inside], 2)]
    drawn = sum(_draw(side, random) for side in sides)
    centre = np.concatenate(sides).sum(axis=0, keepdims=True)
    observed = counts.sum(axis=0, keepdims=True)
    return _shares(observed)[0], _shares(centre)[0], _shares(np.asarray(drawn))


def _counts(right: Mask, inside: Mask, units: Integers) -> Floats:
    """`(units, 4)`: images of each unit inside and outside, and those that are right."""
    _, place = np.unique(units, return_inverse=True)
    masks = (right & inside, inside, right & ~inside, ~inside)
    return np.stack([np.bincount(place, weights=mask) for mask in masks], axis=1)


def _with_two_added(counts: Floats, first: int) -> Floats:
    """The units of a side with two more of the average size, one right and one wrong."""
    size = counts[:, first + 1].mean() if len(counts) else 1.0
    added = np.zeros((2, 4))
    added[:, first + 1] = size
    added[0, first] = size
    return np.concatenate([counts, added])


def _draw(units: Floats, random: np.random.Generator) -> Floats:
    """`(rounds, 4)`: sums over as many units as there are, equal ones drawn together."""
    kinds, counts = np.unique(units, axis=0, return_counts=True)
    drawn = random.multinomial(len(units), counts / len(units), size=ROUNDS)
    return drawn @ kinds


def _shares(sums: Floats) -> Floats:
    inside = sums[:, _RIGHT] / sums[:, _INSIDE]
    outside: Floats = sums[:, _RIGHT_OUTSIDE] / sums[:, _OUTSIDE]
    return inside - outside
