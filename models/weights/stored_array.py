"""Arrays of files, read on demand, and the errors for them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy.typing as npt

_MAX_NAMES = 5  # of each kind, in a message


@dataclass(frozen=True)
class StoredArray:
    """An array in a file.

    Attributes:
        shape: Shape of the array, known before it is read.
        read: Reads the values, in the file's order of axes.
    """

    shape: tuple[int, ...]
    read: Callable[[], npt.NDArray[Any]]


StoredArrays: TypeAlias = Mapping[str, StoredArray]
Shapes: TypeAlias = Mapping[str, tuple[int, ...]]


def in_memory(values: npt.NDArray[Any]) -> StoredArray:
    """Wraps an array in memory."""
    return StoredArray(values.shape, lambda: values)


class UnreadableWeightsError(ValueError):
    """Raised for a weights file that is damaged or has unsafe content."""


class OtherNetworkError(ValueError):
    """Raised for weights that belong to another network."""


def require_same(
    found: Shapes,
    wanted: Shapes,
    is_ignored: Callable[[str], bool] = lambda name: False,
    label: Callable[[str], str] = str,
) -> None:
    """Checks that a file has the arrays of a network and no others.

    Args:
        found: Shapes of the arrays in the file, by name.
        wanted: Shapes of the network's arrays, by their names in the file.
        is_ignored: Whether an additional array is accepted.
        label: Returns the name of an array in messages.

    Raises:
        OtherNetworkError: Arrays are missing, unexpected or have another shape.
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
    """Returns the shapes of arrays by name."""
    return {name: each.shape for name, each in arrays.items()}


def _some(names: list[str]) -> str:
    more = len(names) - _MAX_NAMES
    return ", ".join(names[:_MAX_NAMES]) + (f" and {more} more" if more > 0 else "")
