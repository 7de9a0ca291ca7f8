"""Holds out a part of the pictures, fairly by class and never a copy on both sides."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..core.errors import DataError, message
from .copies import Groups


def hold_out(
    labels: npt.NDArray[np.int32],
    groups: Groups,
    fraction: float,
    seed: int,
    class_names: Sequence[str],
) -> npt.NDArray[np.bool_]:
    """Chooses the pictures to hold out.

    Of each class the nearest whole number to its fraction is chosen, where the sizes of
    the groups allow. A group goes to one side as a whole; one whose files have several
    labels counts for the class of its first file.

    Args:
        labels: `(rows,)` class of each picture.
        groups: `(rows,)` number of the group that each picture belongs to.
        fraction: Part to hold out, in [0, 1).
        seed: The same seed gives the same choice.
        class_names: For messages.

    Returns:
        `(rows,)` bool, true for what is held out.

    Raises:
        DataError: A class is too small to have a picture on each side.
    """
    held_out = np.zeros(len(labels), bool)
    if fraction == 0:
        return held_out
    first_rows = np.unique(groups, return_index=True)[1]
    sizes = np.bincount(groups)
    group_labels = labels[first_rows]
    too_small: list[str] = []
    for label, name in enumerate(class_names):
        members = np.flatnonzero(group_labels == label)
        if len(members) == 1:
            too_small.append(name)
        random = np.random.Generator(np.random.PCG64([seed, label]))
        chosen = _choose(random.permutation(members), sizes, fraction)
        held_out |= np.isin(groups, chosen)
    if too_small:
        raise DataError(
            message(
                "Each class must have at least two pictures to hold out a part; these "
                f"have one: {', '.join(too_small)}.",
                "Add pictures, or give a folder of validation pictures.",
                validation_split=fraction,
            )
        )
    return held_out


def _choose(
    members: npt.NDArray[np.intp], sizes: npt.NDArray[np.intp], fraction: float
) -> npt.NDArray[np.intp]:
    """Takes groups in order while they bring the number of pictures nearer its aim."""
    total = int(sizes[members].sum())
    aim = min(max(round(total * fraction), 1), max(total - 1, 0))
    chosen: list[int] = []
    count = 0
    for member in members[: len(members) - 1]:
        size = int(sizes[member])
        if abs(count + size - aim) < abs(count - aim):
            chosen.append(int(member))
            count += size
    return np.array(chosen, np.intp)
