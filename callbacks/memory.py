"""Measures the memory usage of a run."""

import os
from pathlib import Path

import tensorflow as tf

from ..strategies import gpu_peaks_gib

_GIB = 2**30
_STATM = Path("/proc/self/statm")


def memory_gib() -> dict[str, float]:
    """Returns GiB of the process, and the peak of each GPU since the last call."""
    peaks = gpu_peaks_gib()
    for number in range(len(peaks)):
        tf.config.experimental.reset_memory_stats(f"GPU:{number}")
    return _process_memory() | peaks


def _process_memory() -> dict[str, float]:
    if not _STATM.exists():  # exists only on Linux
        return {}
    resident_pages = int(_STATM.read_text(encoding="ascii").split()[1])
    return {"process": resident_pages * os.sysconf("SC_PAGE_SIZE") / _GIB}
