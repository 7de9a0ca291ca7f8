"""Arrays: what counts as one, and its bytes, to be hashed and compared."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt


@runtime_checkable
class SupportsArray(Protocol):
    """An array, a scalar of NumPy, a tensor: what NumPy turns into an array as it is."""

    def __array__(self) -> npt.NDArray[Any]:
        """The array."""


def bytes_of(array: npt.NDArray[Any]) -> memoryview:
    """The bytes of an array, whatever its type; not copied if they are in a row.

    Example:
        >>> bytes_of(np.array([1, 2], np.int16)).tolist()
        [1, 0, 2, 0]
    """
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
