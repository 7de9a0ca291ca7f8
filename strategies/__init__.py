"""Devices, `tf.distribute` strategies, and communication between workers.

Independent of models and data. Strategies are TensorFlow's own, without a wrapper.
"""

from .alone import ALONE, WorkerHeartbeat, Workers
from .batch_source import BatchSource
from .collectives import (
    SharedSlices,
    first_device,
    gathers_between_workers,
    sum_over_replicas,
    sums_on_devices,
)
from .devices import Devices, find_devices, set_cpu_devices
from .factory import (
    create_strategy,
    describe_strategy,
    register_strategy,
    require_outside_scope,
    require_strategy_name,
    strategy_names,
)
from .gathering import gather_rows
from .gpu_memory import gpu_peaks_gib, set_gpu_memory_limit
from .multi_worker import current_workers, init_workers, workers_of
from .own_devices import on_each_device
from .replicas import Part, Position, Replicas, own_part

__all__ = [
    "ALONE",
    "BatchSource",
    "Devices",
    "Part",
    "Position",
    "Replicas",
    "SharedSlices",
    "WorkerHeartbeat",
    "Workers",
    "create_strategy",
    "current_workers",
    "describe_strategy",
    "find_devices",
    "first_device",
    "gather_rows",
    "gathers_between_workers",
    "gpu_peaks_gib",
    "init_workers",
    "on_each_device",
    "own_part",
    "register_strategy",
    "require_outside_scope",
    "require_strategy_name",
    "set_cpu_devices",
    "set_gpu_memory_limit",
    "strategy_names",
    "sum_over_replicas",
    "sums_on_devices",
    "workers_of",
]
