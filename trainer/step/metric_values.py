"""Reads the metrics of a model over all replicas of all workers."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ...models.metric_names import in_metric_name
from ...strategies import workers_of
from ...strategies.replica_values import copy_replica_values
from .metric_internals import MetricResult, metric_results, metric_variables

JOIN: Mapping[str, Callable[..., Any]] = {
    "sum": np.sum,
    "mean": np.mean,
    "none": lambda values, axis: values[0],
    "only_first_replica": lambda values, axis: values[0],
}


def read_metrics(
    model: keras.Model,
    strategy: tf.distribute.Strategy,
    class_names: Sequence[str] = (),
) -> dict[str, float]:
    """Returns the values of all metrics by name. All workers must call this.

    A metric with several values has a name for each, with the class name, the threshold or
    a number. All variables are sent at once, where TensorFlow would need a collective
    operation for each.

    Args:
        model: The model, built and compiled.
        strategy: The strategy that it runs with.
        class_names: Class names of the data, if any.
    """
    if workers_of(strategy).count == 1:
        results = metric_results(model)
    else:
        variables = {str(n): each for n, each in enumerate(metric_variables(model))}
        inner = {name: variable.value for name, variable in variables.items()}
        values = copy_replica_values(strategy, inner)
        results = metric_results(
            model, [JOIN[v.aggregation](values[n], axis=0) for n, v in variables.items()]
        )
    return with_unique_names(
        pair for result in results for pair in single_values(result, class_names)
    )


def single_values(
    result: MetricResult, class_names: Sequence[str] = ()
) -> Iterator[tuple[str, float]]:
    """Yields the name and value of a metric, or those for each class, threshold or key.

    Args:
        result: The result of the metric.
        class_names: Class names of the data; used for an array of as many values.

    Example:
        >>> recall = MetricResult("recall", np.array([0.5, 0.75]), thresholds=(0.3, 0.7))
        >>> list(single_values(recall))
        [('recall_at_0.3', 0.5), ('recall_at_0.7', 0.75)]
        >>> list(single_values(MetricResult("f1", np.array([0.5, 1.0])), ["cat", "dog"]))
        [('f1_cat', 0.5), ('f1_dog', 1.0)]
    """
    name, value, thresholds = result
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from single_values(MetricResult(str(key), inner), class_names)
        return
    array = np.asarray(value)
    if array.size == 1:
        yield name, float(array.item())
        return
    for place, entry in np.ndenumerate(array):
        yield f"{name}_{_label(place, array.shape, thresholds, class_names)}", float(entry)


def _label(
    place: tuple[int, ...],
    shape: tuple[int, ...],
    thresholds: Sequence[float],
    class_names: Sequence[str],
) -> str:
    """Returns the suffix of the name of one of several values."""
    if len(shape) == 1 and shape[0] == len(thresholds):
        return f"at_{thresholds[place[0]]:g}"
    if len(shape) == 1 and shape[0] == len(class_names):
        return in_metric_name(class_names[place[0]])
    return "_".join(map(str, place))


def with_unique_names(pairs: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Returns values by name; repeated names get a number, as in Keras.

    Example:
        >>> with_unique_names([("loss", 0.5), ("seen", 1.0), ("seen", 2.0)])
        {'loss': 0.5, 'seen': 1.0, 'seen_1': 2.0}
    """
    values: dict[str, float] = {}
    for name, value in pairs:
        unique, number = name, 0
        while unique in values:
            number += 1
            unique = f"{name}_{number}"
        values[unique] = value
    return values
