"""Stratified splits and folds that never divide a group."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..copies.groups import Groups, Mask
from .kinds import Kinds, kinds_of_classes

Integers = npt.NDArray[np.intp]
Sides = npt.NDArray[np.int8]

HELD_OUT, STAYS, UNDECIDED = 1, 0, -1

_ABSENT_COST = 1e9
_MOST_EXCHANGES = 1000
_TRIED_TOGETHER = 32


def hold_out(
    labels: npt.NDArray[np.integer[Any]] | Kinds,
    groups: Groups,
    fraction: float,
    seed: int,
    purpose: int = 0,
    sides: Sides | None = None,
) -> Mask:
    """Chooses images to hold out.

    The number per class is its fraction, rounded, as far as the sizes of groups allow, but
    at least one image and not all. Groups are not divided.

    Args:
        labels: `(rows,)` class of each image; or other strata.
        groups: `(rows,)` group number of each image.
        fraction: Fraction to hold out, in [0, 1).
        seed: Seed of the choice.
        purpose: Second seed, for independent choices with one seed.
        sides: `(rows,)`: HELD_OUT or STAYS for images that are already assigned, which
            count; UNDECIDED for images to choose from, in whole groups. All by default.

    Returns:
        `(rows,)` bool, True for images to hold out.
    """
    if fraction == 0:
        return np.zeros(len(groups), bool)
    if sides is None:
        sides = np.full(len(groups), UNDECIDED, np.int8)
    every = labels if isinstance(labels, Kinds) else kinds_of_classes(labels)
    totals = np.bincount(every.kinds)
    aims = np.maximum(np.rint(totals * fraction), 1).clip(0, np.maximum(totals - 1, 0))
    held = np.bincount(every.kinds[sides[every.rows] == HELD_OUT], minlength=len(totals))
    is_open = sides == UNDECIDED
    names, own = np.unique(groups[is_open], return_inverse=True)
    counts = _count(every.among(is_open), own)
    choice = _Choice(counts, aims, totals, held)
    _fill(choice, [seed], [purpose] if purpose else [])
    _improve(choice)
    return (sides == HELD_OUT) | np.isin(groups, names[choice.chosen])


def assign_folds(
    labels: npt.NDArray[np.integer[Any]] | Kinds, groups: Groups, folds: int, seed: int
) -> npt.NDArray[np.intp]:
    """Assigns images to folds, with each class spread evenly.

    Args:
        labels: `(rows,)` class of each image; or other strata.
        groups: `(rows,)` group number of each image; groups are not divided.
        folds: Number of folds.
        seed: Seed of the assignment.

    Returns:
        `(rows,)`: fold of each image, starting at 0.
    """
    own = np.unique(groups, return_inverse=True)[1]
    every = labels if isinstance(labels, Kinds) else kinds_of_classes(labels)
    counts = _count(every, own)
    random = np.random.Generator(np.random.PCG64([seed, folds]))
    order = random.permutation(len(counts.sizes))
    # Groups of several classes first, then large before small ones, which even out the
    # rest.
    order = order[np.lexsort((-counts.sizes[order], counts.only_label[order]))]
    fold_of = np.empty(len(order), np.intp)
    shares = np.bincount(every.kinds) / folds
    filled = np.zeros((folds, len(shares)))
    for group in order:
        entries = counts.entries(group)
        kinds, sizes = counts.labels[entries], counts.counts[entries]
        excess = ((filled[:, kinds] / shares[kinds]) * sizes).sum(axis=1)
        fullest = np.lexsort((filled.sum(axis=1), excess.round(9)))
        fold_of[group] = fullest[0]
        filled[fullest[0], kinds] += sizes
    return fold_of[own]


@dataclass(frozen=True)
class _Counts:
    """Number of images of each group by class, as a sparse matrix of entries.

    Attributes:
        starts: `(groups + 1,)`: first entry of each group.
        labels: `(entries,)`: class.
        counts: `(entries,)`: number of images.
        sizes: `(groups,)`: number of images of each group.
        only_label: `(groups,)`: class of each group, or -1 if it has several.
    """

    starts: Integers
    labels: Integers
    counts: Integers
    sizes: Integers
    only_label: Integers

    def entries(self, group: int) -> slice:
        """Returns the entries of a group."""
        return slice(self.starts[group], self.starts[group + 1])


def _count(every: Kinds, groups: Groups) -> _Counts:
    width = int(every.kinds.max(initial=0)) + 1
    pairs, counts = np.unique(groups[every.rows] * width + every.kinds, return_counts=True)
    group, label = np.divmod(pairs, width)
    number = int(groups.max(initial=-1)) + 1
    starts = np.searchsorted(group, np.arange(number + 1))
    only = np.where(np.diff(starts) == 1, label[starts[:-1]], -1)
    return _Counts(starts, label, counts, np.bincount(groups, minlength=number), only)


class _Choice:
    """The groups that are held out, and the distance of each class from its target."""

    def __init__(
        self,
        counts: _Counts,
        aims: npt.NDArray[np.float64],
        totals: Integers,
        held: Integers,
    ) -> None:
        self.counts = counts
        self.chosen = np.zeros(len(counts.sizes), bool)
        self.aims, self.totals, self.held = aims, totals, held.astype(np.float64)

    def fits(self, group: int) -> bool:
        """Returns whether no class would exceed its target."""
        entries = self.counts.entries(group)
        kinds = self.counts.labels[entries]
        wanted = self.held[kinds] + self.counts.counts[entries]
        return bool((wanted <= self.aims[kinds]).all())

    def flip(self, group: int) -> None:
        """Moves a group to the other side."""
        entries = self.counts.entries(group)
        sign = -1 if self.chosen[group] else 1
        self.held[self.counts.labels[entries]] += sign * self.counts.counts[entries]
        self.chosen[group] = not self.chosen[group]

    def is_near(self) -> bool:
        """Returns whether each class is on both sides, within one image of its target."""
        return bool((self._cost(self.held, slice(None)) <= 1).all())

    def changes(self) -> npt.NDArray[np.float64]:
        """Returns the change of the cost if a group moved, `(groups,)`."""
        kinds = self.counts.labels
        signs = np.repeat(np.where(self.chosen, -1, 1), np.diff(self.counts.starts))
        now = self.held[kinds]
        then = now + signs * self.counts.counts
        change = self._cost(then, kinds) - self._cost(now, kinds)
        return np.add.reduceat(change, self.counts.starts[:-1])

    def _cost(
        self, held: npt.NDArray[np.float64], kinds: Integers | slice
    ) -> npt.NDArray[np.float64]:
        totals = self.totals[kinds]
        absent = (totals > 1) & ((held <= 0) | (held >= totals))
        return (held - self.aims[kinds]) ** 2 + _ABSENT_COST * absent


def _fill(choice: _Choice, before: list[int], after: list[int]) -> None:
    """Holds out groups in random order while they fit, those of several classes first."""
    only = choice.counts.only_label
    for label in range(-1, len(choice.totals)):
        members = np.flatnonzero(only == label)
        key = [*before, label if label >= 0 else 2**32 - 1, *after]
        random = np.random.Generator(np.random.PCG64(key))
        for group in random.permutation(members):
            if label >= 0 and choice.held[label] >= choice.aims[label]:
                break
            if choice.fits(group):
                choice.flip(group)


def _improve(choice: _Choice) -> None:
    """Moves one or two groups at a time to the other side while that reduces the cost."""
    for _ in range(_MOST_EXCHANGES):
        if choice.is_near() or not len(choice.chosen):
            return
        changes = choice.changes()
        best = int(changes.argmin())
        if changes[best] < 0:
            choice.flip(best)
        elif not _exchange(choice, changes):
            return


def _exchange(choice: _Choice, changes: npt.NDArray[np.float64]) -> bool:
    """Moves two groups together, if that reduces the cost."""
    best_change, best_pair = 0.0, None
    for first in np.argsort(changes, kind="stable")[:_TRIED_TOGETHER]:
        choice.flip(first)
        others = choice.changes()
        others[first] = np.inf
        second = int(others.argmin())
        if changes[first] + others[second] < best_change:
            best_change, best_pair = changes[first] + others[second], (first, second)
        choice.flip(first)
    for group in best_pair or ():
        choice.flip(group)
    return best_pair is not None
