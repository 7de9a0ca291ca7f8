"""Divides training images into the outer folds of a nested cross-validation."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...core.errors import DataError, message
from ...core.names import some
from ...core.suggestion import Suggestion
from .image_index import TRAIN, ImageIndex
from .policies import Dropped, describe_dropped
from .stratified import assign_folds

NO_PART = -1


def assign_parts(
    index: ImageIndex, parts: int, seed: int, dropped: Sequence[Dropped] = ()
) -> npt.NDArray[np.intp]:
    """Assigns training images to parts; classes are spread evenly, groups stay together.

    Args:
        index: All images; those in TRAIN are divided.
        parts: Number of parts.
        seed: Seed of the assignment.
        dropped: The files that were dropped, which explain small classes.

    Returns:
        `(rows,)`: part of each image, starting at 0; NO_PART for images of other splits.

    Raises:
        DataError: There are fewer groups than parts, a group is larger than a part, or all
            images of a class are in one part.
    """
    training = index.splits == TRAIN
    own = index.where(training)
    part_of = np.full(len(index), NO_PART, np.intp)
    part_of[training] = assign_folds(own.kinds(), own.groups, parts, seed)
    if len(np.unique(part_of[training])) < parts:
        raise _too_few_groups_error(parts, len(np.unique(own.groups)), dropped)
    _require_groups_that_fit(own, parts)
    lost = _classes_in_one_part(own, part_of[training])
    if lost:
        raise _classes_in_one_part_error(parts, lost, dropped)
    return part_of


def _require_groups_that_fit(index: ImageIndex, parts: int) -> None:
    """Checks that no group is larger than a part."""
    group_of, sizes = np.unique(index.groups, return_inverse=True, return_counts=True)[1:]
    largest = sizes.argmax()
    if sizes[largest] > -(-len(index) // parts):
        first = some([str(index.paths[group_of == largest][0])])
        raise DataError(
            message(
                f"No group may be larger than an outer fold ({len(index)} images / {parts} "
                f"outer folds), but that of {first} has {sizes[largest]} images. Copies "
                "are a group, and so are images with the same name in data.group_column.",
                "Use fewer search.outer_folds, or divide that group.",
                **{"search.outer_folds": parts},
            )
        )


def _classes_in_one_part(index: ImageIndex, part_of: npt.NDArray[np.intp]) -> list[str]:
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


def _too_few_groups_error(parts: int, groups: int, dropped: Sequence[Dropped]) -> DataError:
    fewer = {"search.outer_folds": groups}
    return DataError(
        message(
            f"There must be at least as many images as outer folds, {parts}; copies and "
            f"members of a group count as one, so there are {groups}.",
            describe_dropped(dropped),
            **{"search.outer_folds": parts},
        ),
        Suggestion("Try", fewer, ", or add images.")
        if groups > 1
        else Suggestion("Add images."),
    )


def _classes_in_one_part_error(
    parts: int, classes: list[str], dropped: Sequence[Dropped]
) -> DataError:
    return DataError(
        message(
            "All classes must remain when any one part of the images is removed, but all "
            f"images of {some(classes)} are in one part (copies and members of a group "
            "stay together).",
            f"{describe_dropped(dropped, classes)} Add images of these classes, or leave "
            "these classes out.".lstrip(),
            **{"search.outer_folds": parts},
        )
    )
