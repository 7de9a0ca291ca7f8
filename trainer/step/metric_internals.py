"""Wraps the internals of Keras's metrics that we use; see keras_internals.py.

A model has the metrics that it was compiled with, and metrics that it or its layers hold
and update in the forward pass. `Model.metrics` has both, and trackers of losses.
"""

import contextlib
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf
from keras.src.backend.common.global_state import get_global_attribute
from keras.src.utils.naming import to_snake_case

_UNIQUE_NAMES = "object_name_uids"


class MetricResult(NamedTuple):
    """The value of one metric.

    Attributes:
        name: Name in the logs of `Model.fit`.
        value: A scalar, an array, or a dict of these.
        thresholds: The thresholds of the entries of the value, if the metric has some.
    """

    name: str
    value: Any
    thresholds: Sequence[float] = ()


def update_metrics(
    model: keras.Model, targets: Any, predictions: Any, sample_weight: Any
) -> None:
    """Updates the metrics that the model was compiled with; in replica context."""
    if model._compile_metrics is not None:
        model._compile_metrics.update_state(targets, predictions, sample_weight)


def has_compiled_metrics(model: keras.Model) -> bool:
    """Returns whether a model was compiled with metrics, built or not."""
    given = model._compile_metrics
    if given is None:
        return False
    asked = tf.nest.flatten([given._user_metrics, given._user_weighted_metrics])
    return any(each is not None for each in asked)


def compiled_metrics(model: keras.Model) -> list[keras.metrics.Metric]:
    """Returns the metrics that a built model was compiled with, in Keras's order."""
    return [] if model._compile_metrics is None else list(model._compile_metrics.metrics)


def held_metrics(model: keras.Model) -> list[keras.metrics.Metric]:
    """Returns the metrics that a model or its layers hold and update themselves."""
    trackers = [model._loss_tracker, model._compile_metrics] if model.compiled else []
    if model.compiled and model._compile_loss is not None:
        trackers += model._compile_loss.metrics
    found = {id(metric): metric for metric in model.metrics}
    left_out = {id(tracker) for tracker in trackers}
    return [metric for key, metric in found.items() if key not in left_out]


def metric_results(
    model: keras.Model, states: Sequence[Any] | None = None
) -> list[MetricResult]:
    """Computes the values of all metrics, with their names in `Model.fit`.

    Args:
        model: The model, built and compiled.
        states: Values to use in place of those of `metric_variables`.
    """
    scope: Any = contextlib.nullcontext()
    if states is not None:
        pairs = zip(metric_variables(model), states, strict=True)
        scope = keras.StatelessScope(state_mapping=list(pairs))
    with scope:
        compiled = model._compile_metrics.result() if compiled_metrics(model) else {}
        values = [*compiled.items(), *((m.name, m.result()) for m in held_metrics(model))]
        metrics = [*compiled_metrics(model), *held_metrics(model)]
        return [
            MetricResult(name, _current(value), getattr(metric, "thresholds", ()))
            for (name, value), metric in zip(values, metrics, strict=True)
        ]


def reset_metrics(model: keras.Model) -> None:
    """Resets the state of all metrics."""
    for metric in (*compiled_metrics(model), *held_metrics(model)):
        metric.reset_state()


def metric_variables(model: keras.Model) -> list[keras.Variable]:
    """Returns the variables of all metrics, those of the compiled ones first."""
    metrics = (*compiled_metrics(model), *held_metrics(model))
    return [variable for metric in metrics for variable in metric.variables]


def name_counts() -> dict[str, int]:
    """Returns how many unnamed objects of each class Keras has named in this process."""
    return dict(get_global_attribute(_UNIQUE_NAMES, {}))


def renumber_metrics(model: keras.Model, counts: dict[str, int]) -> None:
    """Renames the unnamed metrics of a built model as in a new process.

    Keras numbers unnamed objects per process, so that the second model of a search would
    log `auc_1`. Names chosen by the user are kept.

    Args:
        model: The model, built and compiled.
        counts: The result of `name_counts` before the model was created.
    """
    counted = name_counts()
    unnamed: dict[str, list[tuple[int, keras.metrics.Metric]]] = {}
    for metric in (*compiled_metrics(model), *held_metrics(model)):
        base = to_snake_case(type(metric).__name__)
        match = re.fullmatch(rf"{base}(?:_(\d+))?", metric.name)
        number = int(match[1] or 0) if match else -1
        if counts.get(base, 0) <= number < counted.get(base, 0):
            unnamed.setdefault(base, []).append((number, metric))
    for base, numbered in unnamed.items():
        in_order = sorted(numbered, key=lambda pair: pair[0])
        for number, (_, metric) in enumerate(in_order):
            metric.name = f"{base}_{number}" if number else base


def _current(value: Any) -> Any:
    """Copies the result of a metric; some metrics return their variable."""
    if isinstance(value, dict):
        return {name: _current(each) for name, each in value.items()}
    if isinstance(value, keras.Variable):
        return tf.convert_to_tensor(value.value)
    return value
