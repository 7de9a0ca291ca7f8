"""Requests parts of a mapped file before they are read."""

import ctypes
import mmap
from typing import Any

import numpy as np
import numpy.typing as npt

_libc = ctypes.CDLL(None)


def read_ahead(array: npt.NDArray[Any], rows: npt.NDArray[np.int64]) -> None:
    """Requests rows of a mapped array at once instead of one after another.

    Without it, each row is requested only after the previous one has been copied. It is
    only
    advice: nothing is waited for, and arrays in memory are left alone.

    Args:
        array: `(rows, ...)`, contiguous.
        rows: Numbers of those that will be read next.
    """
    if not isinstance(array, np.memmap):
        return
    start, size = array.ctypes.data, array.strides[0]
    for row in rows.tolist():
        first = start + row * size
        page = first - first % mmap.PAGESIZE
        _libc.madvise(
            ctypes.c_void_p(page),
            ctypes.c_size_t(first + size - page),
            mmap.MADV_WILLNEED,
        )
