"""Prefetches parts of a memory-mapped file."""

import ctypes
import mmap
from typing import Any

import numpy as np
import numpy.typing as npt

_libc = ctypes.CDLL(None)


def read_ahead(array: npt.NDArray[Any], rows: npt.NDArray[np.int64]) -> None:
    """Prefetches rows of a memory-mapped array in parallel.

    Without it, each row is requested only after the previous one has been copied. This is
    only a hint to the kernel, which returns immediately; it ignores arrays in memory.

    Args:
        array: A contiguous array `(rows, ...)`.
        rows: Indices of the rows that will be read next.
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
