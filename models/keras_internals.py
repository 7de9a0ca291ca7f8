"""Wraps the internals of Keras that losses, metrics and averaged weights use."""

from typing import Any

import keras

from .optimizer import unwrapped


def set_larger_is_better(metric: keras.metrics.Metric) -> None:
    """Marks a metric as one to maximize, for Keras callbacks and Keras Tuner."""
    metric._direction = "up"


def logits_of(probabilities: Any) -> Any | None:
    """Returns the logits that a softmax converted to probabilities, or None."""
    return getattr(probabilities, "_keras_logits", None)


def averages_of(
    optimizer: keras.optimizers.Optimizer,
) -> list[tuple[keras.Variable, keras.Variable]]:
    """Returns the variables that an optimizer with `use_ema` averages, with averages."""
    inner = unwrapped(optimizer)
    if not inner.use_ema:
        return []
    averages = inner._model_variables_moving_average
    return list(zip(inner._trainable_variables, averages, strict=True))
