"""The bytes of arrays, for hashing and comparing."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt


@runtime_checkable
class SupportsArray(Protocol):
    """Anything that NumPy converts to an array directly: an array, a scalar, a tensor."""

    def __array__(self) -> npt.NDArray[Any]:
        """Returns the array."""


def bytes_of(array: npt.NDArray[Any]) -> memoryview:
    """Returns the bytes of an array of any dtype, without a copy if it is contiguous.

    Example:
        >>> bytes_of(np.array([1, 2], np.int16)).tolist()
        [1, 0, 2, 0]
    """
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
