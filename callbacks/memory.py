"""How much memory a run uses."""

import os
from pathlib import Path

import tensorflow as tf

_GIB = 2**30
_STATM = Path("/proc/self/statm")


def memory_gib() -> dict[str, float]:
    """Memory by name, in GiB: what the process holds, and the peak of each GPU.

    A peak is that since the last call.
    """
    gpus = {f"gpu_{n}": _peak(n) for n in range(len(tf.config.list_logical_devices("GPU")))}
    return _of_process() | gpus


def _of_process() -> dict[str, float]:
    if not _STATM.exists():  # on Linux alone
        return {}
    resident_pages = int(_STATM.read_text(encoding="ascii").split()[1])
    return {"process": resident_pages * os.sysconf("SC_PAGE_SIZE") / _GIB}


def _peak(number: int) -> float:
    name = f"GPU:{number}"
    peak = tf.config.experimental.get_memory_info(name)["peak"]
    tf.config.experimental.reset_memory_stats(name)
    return float(peak / _GIB)
