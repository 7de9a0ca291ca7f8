"""Reads the compiled metrics over all replicas of all workers."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..strategies import workers_of
from ..strategies.replica_values import copy_replica_values
from .keras_internals import metric_results, metric_variables

_JOIN: Mapping[str, Callable[..., Any]] = {
    "sum": np.sum,
    "mean": np.mean,
    "none": lambda values, axis: values[0],
    "only_first_replica": lambda values, axis: values[0],
}


def read_metrics(model: keras.Model, strategy: tf.distribute.Strategy) -> dict[str, float]:
    """Values of the compiled metrics by name. All workers must call this.

    TensorFlow would need a collective operation for each variable of each metric; here
    all of them travel at once.
    """
    if workers_of(strategy).count == 1:
        results = metric_results(model)
    else:
        variables = {str(n): each for n, each in enumerate(metric_variables(model))}
        inner = {name: variable.value for name, variable in variables.items()}
        values = copy_replica_values(strategy, inner)
        results = metric_results(
            model, [_JOIN[v.aggregation](values[n], axis=0) for n, v in variables.items()]
        )
    return {name: float(value) for name, value in results.items()}
