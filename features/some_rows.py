"""Some rows of arrays that may be larger than memory."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .contracts import Floats


class SomeRows:
    """Some rows of concatenated arrays, read when they are requested.

    Args:
        arrays: Each `(images, ...)`, for example memory-mapped.
        places: `(rows,)`: indices of the rows in the concatenated arrays, in order.

    Example:
        >>> first, second = np.array([[0.0], [1.0]]), np.array([[2.0]])
        >>> rows = SomeRows([first, second], np.array([2, 0, 1]))
        >>> rows.shape, rows[np.array([0, 2])].tolist()
        ((3, 1), [[2.0], [1.0]])
    """

    def __init__(
        self, arrays: Sequence["Floats | SomeRows"], places: npt.NDArray[np.int64]
    ) -> None:
        self._arrays = arrays
        self._starts = np.cumsum([0, *map(len, arrays[:-1])])
        self._places = places
        self.shape: tuple[int, ...] = (len(places), *arrays[0].shape[1:])
        self.dtype: np.dtype[Any] = arrays[0].dtype

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, rows: Any) -> Floats:
        places = self._places[rows]
        found = np.empty((*places.shape, *self.shape[1:]), self.dtype)
        which = np.searchsorted(self._starts, places, "right") - 1
        for number in np.unique(which):
            own = which == number
            found[own] = self._arrays[number][places[own] - self._starts[number]]
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Floats:
        del copy  # indexing always copies
        return np.asarray(self[:], dtype)
