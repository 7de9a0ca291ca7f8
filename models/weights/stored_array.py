"""An array of a file, read when it is wanted, and what can be wrong with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy.typing as npt

_MOST_NAMED = 5  # of each kind, in a message


@dataclass(frozen=True)
class StoredArray:
    """What a file says of an array, and the way to its values.

    Attributes:
        shape: Compared with the network before anything is read.
        read: Returns the values in the file's own order of axes.
    """

    shape: tuple[int, ...]
    read: Callable[[], npt.NDArray[Any]]


StoredArrays: TypeAlias = Mapping[str, StoredArray]


class UnreadableWeightsError(ValueError):
    """A file of weights is damaged, or holds what it must not."""


class OtherNetworkError(ValueError):
    """The weights belong to another network."""


def require_same(
    arrays: StoredArrays,
    wanted: Mapping[str, tuple[int, ...]],
    is_ignored: Callable[[str], bool] = lambda name: False,
) -> None:
    """Makes sure that a file has the arrays of a network and no others.

    Args:
        arrays: Of the file.
        wanted: The shapes of the network's arrays by the names that the file gives them.
        is_ignored: Whether an array may be there, although it is not wanted.

    Raises:
        OtherNetworkError: Arrays are missing, left over or of another shape.
    """
    both = [name for name in wanted if name in arrays]
    differences = {
        "missing": [name for name in wanted if name not in arrays],
        "not of this network": [
            name for name in arrays if name not in wanted and not is_ignored(name)
        ],
        "of another shape": [
            f"{name} {arrays[name].shape} instead of {wanted[name]}"
            for name in both
            if arrays[name].shape != wanted[name]
        ],
    }
    parts = [f"{what}: {_some(names)}" for what, names in differences.items() if names]
    if parts:
        raise OtherNetworkError("; ".join(parts))


def _some(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
