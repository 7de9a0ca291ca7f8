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
Shapes: TypeAlias = Mapping[str, tuple[int, ...]]


def in_memory(values: npt.NDArray[Any]) -> StoredArray:
    """An array that is read already."""
    return StoredArray(values.shape, lambda: values)


class UnreadableWeightsError(ValueError):
    """A file of weights is damaged, or holds what it must not."""


class OtherNetworkError(ValueError):
    """The weights belong to another network."""


def require_same(
    found: Shapes,
    wanted: Shapes,
    is_ignored: Callable[[str], bool] = lambda name: False,
    label: Callable[[str], str] = str,
) -> None:
    """Checks that a file has the arrays of a network and no others.

    Args:
        found: The shapes of the file's arrays by name.
        wanted: Those of the network's, by the names that the file gives them.
        is_ignored: Whether an array may be there, although it is not wanted.
        label: What messages call an array.

    Raises:
        OtherNetworkError: Arrays are missing, left over or of another shape.
    """
    differences = {
        "missing": [label(name) for name in wanted if name not in found],
        "not of this network": [
            label(name) for name in found if name not in wanted and not is_ignored(name)
        ],
        "of another shape": [
            f"{label(name)} {tuple(found[name])} instead of {tuple(wanted[name])}"
            for name in wanted
            if name in found and tuple(found[name]) != tuple(wanted[name])
        ],
    }
    parts = [f"{what}: {_some(names)}" for what, names in differences.items() if names]
    if parts:
        raise OtherNetworkError("; ".join(parts))


def shapes_of(arrays: StoredArrays) -> dict[str, tuple[int, ...]]:
    """The shapes of arrays by name."""
    return {name: each.shape for name, each in arrays.items()}


def _some(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
