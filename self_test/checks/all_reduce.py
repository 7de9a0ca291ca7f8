"""Checks sums of tensors over replicas, and measures their bandwidth."""

import statistics
import time

import numpy as np
import tensorflow as tf

from ...strategies import create_strategy, sum_over_replicas
from ..check import CheckSettings
from ..verdict import Verdict

# A head's gradients, and those of a fine-tuned ResNet50.
MEGABYTES = (0.1, 94.0)
_TIMES = 5
_CALLS = 4


def measure(settings: CheckSettings) -> Verdict:
    """Verifies sums of float32 tensors, and reports the median time of several calls."""
    replicas = settings.layout.replicas
    strategy = create_strategy("mirrored", settings.layout.accelerator, replicas)
    figures: dict[str, float] = {"replicas": replicas}
    is_right = True
    for megabytes in MEGABYTES:
        size = int(megabytes * 1e6 / 4)
        summed = _make_sum(strategy, size)
        expected = np.arange(size) % 7 * sum(range(1, replicas + 1))
        is_right &= bool(np.array_equal(summed(tf.constant(1)).numpy(), expected))
        seconds = _median_seconds(summed)
        # Bytes that each device sends and receives in a ring all-reduce.
        sent = 2 * (replicas - 1) / replicas * size * 4
        figures[f"milliseconds_for_{megabytes:g}_megabytes"] = 1000 * seconds
        figures[f"gigabytes_per_second_for_{megabytes:g}_megabytes"] = sent / seconds / 1e9
    if not is_right:
        return Verdict("failed", "a sum over replicas is wrong", figures)
    speed = figures[f"gigabytes_per_second_for_{MEGABYTES[-1]:g}_megabytes"]
    return Verdict("passed", f"{speed:.2g} GB/s with {MEGABYTES[-1]:g} MB", figures)


def _make_sum(
    strategy: tf.distribute.Strategy, size: int
) -> "tf.types.experimental.Callable":
    """Returns a function that sums different values over replicas, `times` per call."""
    values = tf.cast(tf.range(size) % 7, tf.float32)

    def on_replica() -> tf.Tensor:
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        return values * tf.cast(number + 1, tf.float32)

    @tf.function
    def summed(times: tf.Tensor) -> tf.Tensor:
        total = tf.zeros((size,))
        for _ in tf.range(times):
            total = sum_over_replicas(strategy, strategy.run(on_replica))
        return total

    return summed


def _median_seconds(summed: "tf.types.experimental.Callable") -> float:
    """Returns the median time of one sum; within a call, nothing is copied to the host."""
    times = []
    for _ in range(_TIMES):
        started = time.perf_counter()
        summed(tf.constant(_CALLS))[:1].numpy()
        times.append((time.perf_counter() - started) / _CALLS)
    return statistics.median(times)
