"""Says which classes have too few pictures left to be learnt."""

import numpy as np

from ..core.errors import DataError, message
from .index import TRAIN, ImageIndex

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
                counts=counts,
            )
        )
    missing = [name for name, count in counts.items() if not count]
    few = [f"{name} ({count})" for name, count in counts.items() if 0 < count < FEW]
    remarks = []
    if missing:
        names = ", ".join(missing)
        remarks.append(f"no training pictures are left of {names}: it can't be learnt")
    if few:
        remarks.append(f"fewer than {FEW} training pictures are left of {', '.join(few)}")
    return remarks
