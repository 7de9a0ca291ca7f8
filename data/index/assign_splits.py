"""Assigns the files of `data.train` to training, validation and test."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...configs import DataConfig
from ...core.counted import counted, counted_clause
from ...core.errors import DataError, message
from ...core.names import some
from ..copies.groups import differ_within
from .image_index import TEST, TRAIN, VALIDATION, ImageIndex
from .kinds import Kinds
from .policies import Dropped, describe_dropped
from .split_csv import UNNAMED, WrittenSplit
from .stratified import HELD_OUT, STAYS, UNDECIDED, assign_folds, hold_out

_NO_SIDE = np.iinfo(np.int8).max
_PURPOSE_OF_TEST = 1


def follow_written_split(index: ImageIndex, written: WrittenSplit) -> ImageIndex:
    """Assigns files of `data.train` to the splits given by a split.csv."""
    sides = written.sides(index)
    named = (sides != UNNAMED) & (index.splits == TRAIN)
    return replace(index, splits=np.where(named, sides, index.splits).astype(np.int8))


def assign_splits(
    index: ImageIndex,
    config: DataConfig,
    given: Collection[str],
    seed: int,
    written: WrittenSplit | None = None,
    dropped: Sequence[Dropped] = (),
) -> tuple[ImageIndex, list[str]]:
    """Holds out validation and test images that have no folder or table of their own.

    Args:
        index: All files; those of `data.train` are in TRAIN or assigned by `written`.
        config: The section `data`.
        given: Names of the splits that have files of their own.
        seed: Seed of the splits.
        written: Assignments of an earlier run, which are kept.
        dropped: The files that were dropped, which explain small classes.

    Returns:
        The index with its splits, and remarks.

    Raises:
        DataError: A class is too small for all splits.
    """
    if config.folds is not None:
        _require_none_given(given, config.folds)
    assignment = _Assignment(index, given)
    remarks = assignment.keep(written) if written is not None else []
    has_test = config.test_split > 0 and "test" not in given
    has_validation = (
        "validation" not in given
        and not config.train_on_validation
        and (config.folds is not None or config.validation_split > 0)
    )
    if written is None:
        _require_enough(index, 1 + has_test + has_validation, dropped)
    if has_test:
        assignment.hold_out(TEST, config.test_split, seed, _PURPOSE_OF_TEST)
    if has_validation and config.folds is not None and config.fold is not None:
        assignment.take_fold(config.fold, config.folds, seed)
    elif has_validation:
        rest = 1 - (config.test_split if has_test else 0)
        assignment.hold_out(VALIDATION, config.validation_split / rest, seed)
    assigned = replace(index, splits=assignment.splits)
    if config.train_on_validation:
        assigned, remark = _without_validation(assigned)
        remarks += remark
    return assigned, remarks + _remark_on_divided_groups(assigned)


def assign_fold(
    index: ImageIndex,
    number: int,
    folds: int,
    given: Collection[str],
    seed: int,
    dropped: Sequence[Dropped] = (),
) -> ImageIndex:
    """Uses one fold of the training and validation files for validation.

    Args:
        index: All files, with splits.
        number: Number of the fold, counted from 1.
        folds: Number of folds.
        given: Names of the splits that have files of their own.
        seed: Seed of the folds.
        dropped: The files that were dropped, which explain small classes.

    Raises:
        DataError: Validation images are given, or a class is too small for folds.
    """
    _require_none_given(given, folds)
    index, _ = _without_validation(index)
    _require_enough(index, 2, dropped)
    assignment = _Assignment(index, given)
    assignment.take_fold(number, folds, seed)
    return replace(index, splits=assignment.splits)


def _require_none_given(given: Collection[str], folds: int) -> None:
    if "validation" in given:
        raise DataError(
            message(
                "Folds hold out each image of `data.train` once, but there are validation "
                "images already.",
                "Remove either the folds or the validation images (given by a folder, "
                "table or split column).",
                folds=folds,
            )
        )


def _without_validation(index: ImageIndex) -> tuple[ImageIndex, list[str]]:
    """Moves validation images to the training images, and says how many."""
    count = int((index.splits == VALIDATION).sum())
    if not count:
        return index, []
    splits = np.where(index.splits == VALIDATION, TRAIN, index.splits)
    remark = f"{counted(count, 'validation image')} are trained on as well"
    return replace(index, splits=splits.astype(np.int8)), [remark]


class _Assignment:
    """The splits assigned so far, and which of them are final."""

    def __init__(self, index: ImageIndex, given: Collection[str]) -> None:
        self.index = index
        self.splits = index.splits.copy()
        own = {"validation": VALIDATION, "test": TEST}
        elsewhere = [own[name] for name in given if name in own]
        self._is_ours = ~np.isin(index.splits, elsewhere)
        self._is_final = index.splits != TRAIN

    def keep(self, written: WrittenSplit) -> list[str]:
        """Keeps earlier assignments, and adds new files to the splits of their groups."""
        self._is_final |= written.sides(self.index) != UNNAMED
        named = self._is_final & self._is_ours
        groups = self.index.groups
        sides = np.full(groups.max(initial=-1) + 1, _NO_SIDE, np.int8)
        np.minimum.at(sides, groups[named], self.splits[named])
        follows = ~self._is_final & (sides[groups] != _NO_SIDE)
        self.splits[follows] = sides[groups[follows]]
        self._is_final |= follows
        new = int((self._is_ours & ~named).sum())
        clause = "images are in the split that data.split assigns"
        line = counted_clause(int(named.sum()), clause)
        return [f"{line}, and {new} {'is' if new == 1 else 'are'} new"]

    def hold_out(self, split: int, fraction: float, seed: int, purpose: int = 0) -> None:
        """Moves a fraction of the training files to another split."""
        rows = self._rows(TRAIN, split)
        sides = np.where(self.splits[rows] == split, HELD_OUT, STAYS)
        sides[~self._is_final[rows]] = UNDECIDED
        held_out = hold_out(
            self._kinds(rows),
            self.index.groups[rows],
            fraction,
            seed,
            purpose,
            sides.astype(np.int8),
        )
        self.splits[rows[held_out]] = split

    def take_fold(self, fold: int, folds: int, seed: int) -> None:
        """Moves one fold of the training files, counted from 1, to validation."""
        rows = self._rows(TRAIN)
        folds_of = assign_folds(self._kinds(rows), self.index.groups[rows], folds, seed)
        self.splits[rows[folds_of == fold - 1]] = VALIDATION

    def _kinds(self, rows: npt.NDArray[np.intp]) -> Kinds:
        chosen = np.zeros(len(self.index), bool)
        chosen[rows] = True
        return self.index.kinds().among(chosen)

    def _rows(self, *splits: int) -> npt.NDArray[np.intp]:
        return np.flatnonzero(np.isin(self.splits, splits) & self._is_ours)


def _require_enough(index: ImageIndex, sides: int, dropped: Sequence[Dropped]) -> None:
    """Checks that each class suffices for `sides` splits."""
    if index.task == "regression":
        return
    training = index.where(index.splits == TRAIN)
    rows, kinds = training.kinds()
    pairs = np.unique(np.stack([kinds, training.groups[rows]], 1), axis=0)
    counts = np.bincount(pairs[:, 0], minlength=len(index.class_names))
    small = {
        name: int(count)
        for name, count in zip(
            index.class_names, counts, strict=False
        )  # the last: no label
        if 0 < count < sides
    }
    if small:
        raise DataError(
            message(
                f"Each class must have at least {sides} images to hold out a part (copies "
                f"and members of a group count as one); these have fewer: {some(small)}.",
                f"{describe_dropped(dropped, small)} Add images, remove these classes, or "
                "hold out fewer parts.".lstrip(),
                images=dict(list(small.items())[:20]),
            )
        )


def _remark_on_divided_groups(index: ImageIndex) -> list[str]:
    divided = index.groups[differ_within(index.groups, index.splits)]
    count = len(np.unique(divided))
    if not count:
        return []
    return [
        f"{count} groups of images (copies, near copies, or the same value in the group "
        "column) are in more than one split, given by folders, tables or data.split"
    ]
