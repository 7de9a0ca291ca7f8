"""Rows of a mapped array are requested as whole pages, and no others."""

import ctypes
import mmap

import numpy as np
import pytest
from keraunos.core import read_ahead as module
from keraunos.core.read_ahead import read_ahead

SHAPE = (5, 3000, 3)  # rows are not a multiple of a page


@pytest.fixture
def asked(monkeypatch):
    """Addresses and lengths requested from the system."""
    found = []
    libc = ctypes.CDLL(None)

    class Recorder:
        @staticmethod
        def madvise(start, length, advice):
            found.append((start.value, length.value))
            assert advice == mmap.MADV_WILLNEED
            assert libc.madvise(start, length, advice) == 0

    monkeypatch.setattr(module, "_libc", Recorder)
    return found


def test_each_row_is_requested_from_the_start_of_its_page(asked, tmp_path):
    np.arange(np.prod(SHAPE), dtype=np.uint8).tofile(tmp_path / "rows")
    array = np.memmap(tmp_path / "rows", np.uint8, "r", shape=SHAPE)
    read_ahead(array, np.array([4, 0, 2]))
    for (start, length), row in zip(asked, (4, 0, 2), strict=True):
        assert start % mmap.PAGESIZE == 0
        assert 0 <= array[row].ctypes.data - start < mmap.PAGESIZE
        assert start + length == array[row].ctypes.data + array[row].nbytes


def test_in_memory_array_requests_nothing(asked):
    read_ahead(np.zeros(SHAPE, np.uint8), np.array([1]))
    assert not asked
