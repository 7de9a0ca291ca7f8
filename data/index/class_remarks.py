"""Says which classes have too few pictures left to be learnt or scored."""

from collections.abc import Iterator, Sequence

import numpy as np

from ...core.errors import DataError, message
from ...core.names import some
from .image_index import SPLIT_NAMES, TEST, TRAIN, VALIDATION, ImageIndex
from .label_checks import alike_but_for_case

FEW = 5


def remarks_on_classes(index: ImageIndex) -> list[str]:
    """Lines on the classes that hardly have training pictures.

    Raises:
        DataError: Fewer than two classes have any.
    """
    counts = dict(zip(index.class_names, index.class_counts(TRAIN).tolist(), strict=True))
    if np.count_nonzero(list(counts.values())) < 2:
        raise DataError(
            message(
                "At least two classes must have training pictures.",
                "Look at dropped files and class folders with data.on_conflict=keep.",
                counts=dict(list(counts.items())[:20]),
            )
        )
    missing = [name for name, count in counts.items() if not count]
    few = [f"{name} ({count})" for name, count in counts.items() if 0 < count < FEW]
    remarks = []
    if missing:
        remarks.append(
            f"no training pictures are left of {some(missing)}: it can't be learnt"
        )
    if few:
        remarks.append(f"fewer than {FEW} training pictures are left of {some(few)}")
    return [*remarks, *_absent(index), *_alike(index.class_names)]


def _absent(index: ImageIndex) -> Iterator[str]:
    for split in (VALIDATION, TEST):
        counts = index.class_counts(split)
        names = [index.class_names[label] for label in np.flatnonzero(counts == 0)]
        if names and counts.any():
            yield f"there are no {SPLIT_NAMES[split]} pictures of {some(names)}"


def _alike(class_names: Sequence[str]) -> Iterator[str]:
    for names in alike_but_for_case(class_names):
        yield f"classes that differ by upper and lower case alone: {', '.join(names)}"
