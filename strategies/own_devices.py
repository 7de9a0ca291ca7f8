"""Does the same on each device of this process, with its own copies of variables."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from .tensorflow_internals import without_merge_calls


def on_each_device(
    strategy: tf.distribute.Strategy,
    mirrored: tf.Variable,
    function: Callable[[Any], Any],
    arguments: Sequence[Any],
) -> list[Any]:
    """Calls a function once for each device; in cross-replica context.

    It reads and writes the copies that variables have on its device. Given the same
    numbers on all of them, the copies stay the same, and nothing is sent between devices.

    Args:
        strategy: In whose scope the variables were made.
        mirrored: Any variable that has a copy on each device.
        function: What to do on a device, the first one first.
        arguments: What to call it with, for each device.

    Returns:
        What it returned, for each device.
    """
    if strategy.num_replicas_in_sync == 1:
        return [function(arguments[0])]
    left, results = iter(arguments), []

    def call(_: tf.Variable) -> None:
        results.append(function(next(left)))

    with without_merge_calls(strategy):
        strategy.extended.update(mirrored, call, group=False)
    return results
