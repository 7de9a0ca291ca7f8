"""An array of a file, read when it is wanted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt


@dataclass(frozen=True)
class StoredArray:
    """What a file says of an array, and the way to its values.

    Attributes:
        shape: Checked against the network before anything is read.
        read: Returns the values in the file's layout and dtype.
    """

    shape: tuple[int, ...]
    read: Callable[[], npt.NDArray[Any]]
