"""Divides training images into the outer folds of a nested cross-validation."""

import numpy as np
import numpy.typing as npt

from ...core.errors import DataError, message
from ...core.names import some
from .image_index import TRAIN, ImageIndex
from .stratified import assign_folds

NO_PART = -1


def assign_parts(index: ImageIndex, parts: int, seed: int) -> npt.NDArray[np.intp]:
    """Assigns training images to parts; classes are spread evenly, groups stay together.

    Args:
        index: All images; those in TRAIN are divided.
        parts: Number of parts.
        seed: Seed of the assignment.

    Returns:
        `(rows,)`: part of each image, starting at 0; NO_PART for images of other splits.

    Raises:
        DataError: There are fewer groups than parts, or all images of a class are in one
            part.
    """
    training = index.splits == TRAIN
    own = index.where(training)
    part_of = np.full(len(index), NO_PART, np.intp)
    part_of[training] = assign_folds(own.kinds(), own.groups, parts, seed)
    if len(np.unique(part_of[training])) < parts:
        raise _error(parts, f"there are only {len(np.unique(own.groups))} groups of images")
    lost = _in_one_part(own, part_of[training])
    if lost:
        raise _error(parts, f"all images of {some(lost)} are in one part")
    return part_of


def _in_one_part(index: ImageIndex, part_of: npt.NDArray[np.intp]) -> list[str]:
    """Returns classes or labels whose images are all in one part; empty for regression."""
    if index.task == "regression":
        return []
    if index.targets is None:
        has = np.eye(len(index.class_names), dtype=bool)[index.labels]
    else:
        has = index.targets > 0
    return [
        name
        for name, rows in zip(index.class_names, has.T, strict=True)
        if len(np.unique(part_of[rows])) == 1
    ]


def _error(parts: int, why: str) -> DataError:
    return DataError(
        message(
            "All classes must remain when any one part of the images is removed, but "
            f"{why} (copies and members of a group count as one).",
            "Use fewer search.outer_folds, or add images.",
            **{"search.outer_folds": parts},
        )
    )
