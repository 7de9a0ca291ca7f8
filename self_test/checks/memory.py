"""Checks that memory does not grow over repeated fits in one process."""

import gc
import os
from pathlib import Path
from typing import Any

import tensorflow as tf

from ..check import CheckSettings
from ..verdict import Verdict, pass_or_fail
from .subjects import batched, labeled_images, mixed_layers, trainer_for

WARM_UP = 4
MOST_MEBIBYTES = 2.5
_MEBIBYTE = 2**20


def measure(settings: CheckSettings) -> Verdict:
    """Measures the growth in MiB per fit, on the host and on the device."""
    fits = WARM_UP + 2 * settings.epochs
    host, device = [], []
    for _ in range(fits):
        _fit(settings)
        gc.collect()
        host.append(_resident_mebibytes())
        device.append(_device("current"))
    growth = (host[-1] - host[WARM_UP - 1]) / (fits - WARM_UP)
    device_growth = (device[-1] - device[WARM_UP - 1]) / (fits - WARM_UP)
    figures: dict[str, Any] = {
        "fits": fits,
        "resident_mebibytes": host[-1],
        "growth_mebibytes_per_fit": growth,
        "device_peak_mebibytes": _device("peak"),
        "device_growth_mebibytes_per_fit": device_growth,
    }
    return pass_or_fail(
        max(growth, device_growth) <= MOST_MEBIBYTES,
        f"{growth:.1f} MiB more after each further fit (at most {MOST_MEBIBYTES:g}), "
        f"{device_growth:.1f} on a GPU",
        figures,
    )


def _fit(settings: CheckSettings) -> None:
    trainer = trainer_for(settings, settings.layout.replicas, max_epochs=1)
    trainer.fit(mixed_layers(dropout=0.5), batched(labeled_images(40, size=8), 16))


def _resident_mebibytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / _MEBIBYTE


def _device(which: str) -> float:
    """Returns the memory of the first GPU in MiB, 0 without GPUs."""
    if not tf.config.list_logical_devices("GPU"):
        return 0.0
    return float(tf.config.experimental.get_memory_info("GPU:0")[which] / _MEBIBYTE)
