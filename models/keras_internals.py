"""What Keras does not promise, for losses and metrics."""

from typing import Any

import keras


def set_larger_is_better(metric: keras.metrics.Metric) -> None:
    """Lets Keras's callbacks and Keras Tuner know that a metric is to be maximised."""
    metric._direction = "up"


def logits_of(probabilities: Any) -> Any | None:
    """What a softmax has made probabilities of; None if it is not known."""
    return getattr(probabilities, "_keras_logits", None)
