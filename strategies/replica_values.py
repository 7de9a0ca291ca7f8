"""The values that a variable has on each replica, such as those of a metric."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from .multi_worker import workers_of
from .replicas import Replicas

Arrays = dict[str, npt.NDArray[Any]]


def copy_replica_values(
    strategy: tf.distribute.Strategy, variables: Mapping[str, tf.Variable]
) -> Arrays:
    """Copies the values of variables to the host. All workers must call this.

    Returns:
        For each variable `(replicas, ...)`, one row for each replica of all workers.
    """
    own = {
        name: np.stack([v.numpy() for v in strategy.experimental_local_results(each)])
        for name, each in variables.items()
    }
    parts = workers_of(strategy).gather(own)
    return {name: np.concatenate([part[name] for part in parts]) for name in own}


def assign_replica_values(
    strategy: tf.distribute.Strategy, variable: tf.Variable, values: npt.NDArray[Any]
) -> None:
    """Gives a variable that is summed over replicas its values back.

    On as many replicas as before each gets its own: shared out otherwise, float sums
    would differ in their last bits. On another number the first replica gets the sum.
    """
    replicas = Replicas.of(strategy)
    if len(values) != replicas.total:
        rest = np.zeros_like(values[:1]).repeat(replicas.total - 1, axis=0)
        values = np.concatenate([values.sum(axis=0, keepdims=True), rest])
    own = values[replicas.first : replicas.first + replicas.local]
    for replica, value in zip(
        strategy.experimental_local_results(variable), own, strict=True
    ):
        replica.assign(value)
