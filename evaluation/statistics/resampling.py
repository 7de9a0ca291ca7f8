"""Draws images for the bootstrap, stratified by class, and groups as a whole.

Method: percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
chapter 13), stratified by class, so that no class is lost. Images of one patient are not
independent, so whole groups are drawn if they are known (Davison and Hinkley, Bootstrap
Methods and their Application, 1997, section 3.8).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.integer]

ROUNDS = 1000
_NUMBERS_AT_ONCE = 2_000_000


def draws(labels: Labels, groups: Labels | None = None, seed: int = 0) -> Iterator[Floats]:
    """Yields how often each example was drawn, for some rounds at a time.

    Args:
        labels: `(examples,)` classes; from each, as many examples are drawn as it has.
        groups: `(examples,)` numbers shared by examples of one group, such as a patient.
            Whole groups are drawn, stratified by their most common class. None draws
            examples.
        seed: Seed of the draws.

    Yields:
        `(rounds, examples)` counts, 1,000 rounds in total.

    Example:
        >>> next(draws(np.array([0, 0, 1]))).shape
        (1000, 3)
    """
    random = np.random.default_rng(seed)
    strata, unit = (labels, None) if groups is None else _strata_of_groups(labels, groups)
    members = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    left, step = ROUNDS, max(_NUMBERS_AT_ONCE // len(labels), 1)
    while left > 0:
        count = min(left, step)
        weights = np.zeros((count, len(strata)))
        for rows in members:
            weights[:, rows] = _times_drawn(random, count, len(rows))
        yield weights if unit is None else np.take(weights, unit, axis=1)
        left -= count


def _times_drawn(
    random: np.random.Generator, rounds: int, count: int
) -> npt.NDArray[np.int64]:
    """Draws `count` of `count` items with replacement; returns `(rounds, count)` counts.

    Counting draws is four times as fast as a multinomial distribution.
    """
    drawn = random.integers(0, count, size=(rounds, count))
    cells = drawn + count * np.arange(rounds)[:, np.newaxis]
    return np.bincount(cells.ravel(), minlength=rounds * count).reshape(rounds, count)


def _strata_of_groups(labels: Labels, groups: Labels) -> tuple[Labels, Labels]:
    """Returns the most common class of each group, and the group of each example."""
    _, unit = np.unique(groups, return_inverse=True)
    classes = int(labels.max()) + 1
    pairs, counts = np.unique(unit * classes + labels, return_counts=True)
    group, label = np.divmod(pairs, classes)
    order = np.lexsort((label, -counts, group))
    first = np.unique(group[order], return_index=True)[1]
    return label[order][first], unit
