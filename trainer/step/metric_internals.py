"""What we lean on in Keras's metrics without a public promise, as `keras_internals` does.

A model has metrics that it was compiled with, and metrics that it or its layers hold and
update themselves in the forward pass. `Model.metrics` has both, and trackers of losses.
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
        name: Under which `Model.fit` logs it.
        value: A scalar, an array, or a dict of these.
        thresholds: Of which the value has an entry each, if the metric has several.
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
    """Whether a model was compiled with metrics, be they built or not."""
    given = model._compile_metrics
    if given is None:
        return False
    asked = tf.nest.flatten([given._user_metrics, given._user_weighted_metrics])
    return any(each is not None for each in asked)


def compiled_metrics(model: keras.Model) -> list[keras.metrics.Metric]:
    """The metrics that a built model was compiled with, in Keras's order."""
    return [] if model._compile_metrics is None else list(model._compile_metrics.metrics)


def held_metrics(model: keras.Model) -> list[keras.metrics.Metric]:
    """The metrics that a model or its layers hold and update themselves."""
    trackers = [model._loss_tracker, model._compile_metrics] if model.compiled else []
    if model.compiled and model._compile_loss is not None:
        trackers += model._compile_loss.metrics
    found = {id(metric): metric for metric in model.metrics}
    left_out = {id(tracker) for tracker in trackers}
    return [metric for key, metric in found.items() if key not in left_out]


def metric_results(
    model: keras.Model, states: Sequence[Any] | None = None
) -> list[MetricResult]:
    """Values of all metrics under the names that `Model.fit` gives them.

    Args:
        model: Built and compiled.
        states: Of `metric_variables`, in place of what these hold.
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
    """Sets all metrics back to nothing seen."""
    for metric in (*compiled_metrics(model), *held_metrics(model)):
        metric.reset_state()


def metric_variables(model: keras.Model) -> list[keras.Variable]:
    """The state of all metrics, that of the compiled ones first."""
    metrics = (*compiled_metrics(model), *held_metrics(model))
    return [variable for metric in metrics for variable in metric.variables]


def name_counts() -> dict[str, int]:
    """How many unnamed objects of each kind Keras has named in this process."""
    return dict(get_global_attribute(_UNIQUE_NAMES, {}))


def renumber_metrics(model: keras.Model, counts: dict[str, int]) -> None:
    """Gives a built model's unnamed metrics the names that a new process would.

    Keras counts unnamed objects per process: the second model of a search would log
    `auc_1`. Names that the user chose stay.

    Args:
        model: Built and compiled.
        counts: `name_counts()` from before it was made.
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
    """What a metric's result holds now; some return their variable itself."""
    if isinstance(value, dict):
        return {name: _current(each) for name, each in value.items()}
    if isinstance(value, keras.Variable):
        return tf.convert_to_tensor(value.value)
    return value
