"""Where a step runs: a name becomes a `tf.distribute.Strategy`.

Knows nothing of models or data. A strategy is TensorFlow's own, not a wrapper.
"""

from .collectives import sum_gradients, sum_over_replicas
from .devices import Devices, find_devices, set_cpu_devices
from .factory import (
    create_strategy,
    describe_strategy,
    register_strategy,
    strategy_names,
)
from .replicas import Part, Position, Replicas, own_part

__all__ = [
    "Devices",
    "Part",
    "Position",
    "Replicas",
    "create_strategy",
    "describe_strategy",
    "find_devices",
    "own_part",
    "register_strategy",
    "set_cpu_devices",
    "strategy_names",
    "sum_gradients",
    "sum_over_replicas",
]
