"""Copies and restores the values that variables, such as metrics, have on each replica."""

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
        An array `(replicas, ...)` per variable, with a row per replica of all workers.
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
    """Restores a variable that is summed over replicas.

    With the same number of replicas, each gets its own value, since redistributing float
    sums would change their last bits. With another number, the first replica gets the sum.
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
