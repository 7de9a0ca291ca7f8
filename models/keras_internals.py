"""What Keras does not promise, for losses, metrics and averages of weights."""

from typing import Any

import keras

from .optimizer import unwrapped


def set_larger_is_better(metric: keras.metrics.Metric) -> None:
    """Tells Keras callbacks and Keras Tuner that a metric is to be maximized."""
    metric._direction = "up"


def logits_of(probabilities: Any) -> Any | None:
    """What a softmax has made probabilities of; None if it is unknown."""
    return getattr(probabilities, "_keras_logits", None)


def averages_of(
    optimizer: keras.optimizers.Optimizer,
) -> list[tuple[keras.Variable, keras.Variable]]:
    """The variables that an optimizer with `use_ema` averages, each with its average."""
    inner = unwrapped(optimizer)
    if not inner.use_ema:
        return []
    averages = inner._model_variables_moving_average
    return list(zip(inner._trainable_variables, averages, strict=True))
