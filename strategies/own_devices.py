"""Calls a function on each device of this process."""

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
    """Calls a function once per device; in cross-replica context.

    The function reads and writes the copies of variables on its device. With the same
    values on all devices, the copies stay equal, and nothing is sent between devices.

    Args:
        strategy: The strategy in whose scope the variables were created.
        mirrored: Any variable that has a copy on each device.
        function: The function, called in the order of the devices.
        arguments: The argument for each device.

    Returns:
        The result of each device.
    """
    if strategy.num_replicas_in_sync == 1:
        return [function(arguments[0])]
    left, results = iter(arguments), []

    def call(_: tf.Variable) -> None:
        results.append(function(next(left)))

    with without_merge_calls(strategy):
        strategy.extended.update(mirrored, call, group=False)
    return results
