"""Describes a machine anonymously: versions, processor, memory and GPUs.

Runs in a process of its own, like a check, because only TensorFlow knows which GPUs it can
use.
"""

import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import tensorflow as tf

from ..core.machine import processor
from .check import CheckSettings
from .verdict import Verdict

PACKAGES = ("keraunos", "tensorflow", "keras", "keras-tuner", "numpy", "pillow")
_FIELDS = "name,driver_version,memory.total"


def measure(settings: CheckSettings) -> Verdict:
    """Returns the description of the machine as the figures of a verdict."""
    build: Any = tf.sysconfig.get_build_info()
    gpus = [_describe_gpu(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    cores = len(os.sched_getaffinity(0))
    return Verdict(
        "passed",
        "",
        {
            "versions": {name: metadata.version(name) for name in PACKAGES},
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "kernel": platform.release().split("-")[0],
            "processor": processor(),
            "cores": cores,
            "memory_gib": round(_memory_bytes() / 2**30, 1),
            "gpus": _with_driver(gpus),
            "driver": _driver(),
            "built_for_cuda": build.get("cuda_version"),
            "built_for_cudnn": build.get("cudnn_version"),
            "load": round(os.getloadavg()[0] / cores, 2),
        },
    )


def _describe_gpu(gpu: Any) -> dict[str, Any]:
    details = tf.config.experimental.get_device_details(gpu)
    capability = details.get("compute_capability")
    return {
        "name": details.get("device_name", "unknown"),
        "compute_capability": ".".join(map(str, capability)) if capability else None,
    }


def _with_driver(gpus: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Adds the memory of each GPU, if TensorFlow sees all GPUs that the driver lists."""
    rows = _nvidia_smi()
    if len(rows) != len(gpus):
        return [gpu | {"memory_mib": None} for gpu in gpus]
    return [gpu | {"memory_mib": int(row[2])} for gpu, row in zip(gpus, rows, strict=True)]


def _nvidia_smi() -> list[list[str]]:
    command = ["nvidia-smi", f"--query-gpu={_FIELDS}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [[cell.strip() for cell in line.split(",")] for line in done.stdout.splitlines()]
    return [row for row in rows if len(row) == 3 and row[2].isdigit()]


def _driver() -> str | None:
    try:
        text = Path("/proc/driver/nvidia/version").read_text()
    except OSError:
        return None
    found = re.search(r"\b\d+\.\d+(?:\.\d+)?\b", text)
    return found[0] if found else "unknown"


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
