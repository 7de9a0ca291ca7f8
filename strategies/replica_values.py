"""The values that a variable has on each replica, such as those of a metric."""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf


def copy_replica_values(
    strategy: tf.distribute.Strategy, variable: tf.Variable
) -> npt.NDArray[Any]:
    """Copies a variable's values to the host.

    Returns:
        `(replicas, ...)`, one row for each replica of this process.
    """
    return np.stack([v.numpy() for v in strategy.experimental_local_results(variable)])


def assign_replica_values(
    strategy: tf.distribute.Strategy, variable: tf.Variable, values: npt.NDArray[Any]
) -> None:
    """Gives a variable that is summed over replicas its values back.

    On as many replicas as before each gets its own: shared out otherwise, float sums
    would differ in their last bits. On another number the first replica gets the sum.
    """
    replicas = strategy.experimental_local_results(variable)
    if len(values) != len(replicas):
        rest = np.zeros_like(values[:1]).repeat(len(replicas) - 1, axis=0)
        values = np.concatenate([values.sum(axis=0, keepdims=True), rest])
    for replica, value in zip(replicas, values, strict=True):
        replica.assign(value)
