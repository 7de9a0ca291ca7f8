"""What Keras does not promise, for metrics."""

import keras


def set_larger_is_better(metric: keras.metrics.Metric) -> None:
    """Lets Keras's callbacks and Keras Tuner know that a metric is to be maximised."""
    metric._direction = "up"
