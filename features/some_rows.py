"""Some rows of an array that may be larger than memory."""

from typing import Any

import numpy as np
import numpy.typing as npt

from .contracts import Floats


class SomeRows:
    """Some rows of an array, read when they are requested.

    Args:
        array: `(images, ...)`, for example memory-mapped.
        places: `(rows,)`: indices of the rows, in order.

    Example:
        >>> rows = SomeRows(np.arange(8.0).reshape(4, 2), np.array([3, 1]))
        >>> rows.shape, rows[np.array([1])].tolist()
        ((2, 2), [[2.0, 3.0]])
    """

    def __init__(self, array: Floats, places: npt.NDArray[np.int64]) -> None:
        self._array = array
        self._places = places
        self.shape = (len(places), *array.shape[1:])
        self.dtype = array.dtype

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, rows: Any) -> Floats:
        return self._array[self._places[rows]]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Floats:
        del copy  # indexing always copies
        return np.asarray(self._array[self._places], dtype)
