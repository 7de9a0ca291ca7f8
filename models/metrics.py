"""Streaming metrics that Keras lacks: exact on any number of replicas."""

from typing import Any

import keras


class BalancedAccuracy(keras.metrics.Metric):
    """The mean over the classes of the part of each that was recognised.

    Counts a confusion matrix; classes without an example are left out of the mean.
    Takes integer labels `(rows,)` or `(rows, 1)` and scores `(rows, classes)`.

    Args:
        num_classes: How many classes there are.
        name: Name of the metric.
        dtype: Ignored: counts are kept in float64, exact up to 2**53.

    Example:
        >>> metric = BalancedAccuracy(num_classes=2)
        >>> metric.update_state([0, 0, 1], [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]])
        >>> float(metric.result())
        0.75
    """

    def __init__(
        self, num_classes: int, name: str = "balanced_accuracy", dtype: Any = None
    ) -> None:
        del dtype
        super().__init__(name=name, dtype="float64")
        self.num_classes = num_classes
        self.matrix = self.add_weight(
            shape=(num_classes, num_classes),
            initializer="zeros",
            dtype="float64",
            name="matrix",
        )
        self._direction = "up"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds predictions to the confusion matrix."""
        labels = keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "int32")
        predicted = keras.ops.argmax(y_pred, axis=-1)
        true = keras.ops.one_hot(labels, self.num_classes, dtype="float64")
        taken = keras.ops.one_hot(predicted, self.num_classes, dtype="float64")
        if sample_weight is not None:
            weights = keras.ops.cast(keras.ops.reshape(sample_weight, (-1, 1)), "float64")
            true = true * weights
        self.matrix.assign_add(keras.ops.matmul(keras.ops.transpose(true), taken))

    def result(self) -> Any:
        """The mean recall so far; 0 without examples."""
        matrix = keras.ops.cast(self.matrix, "float64")
        support = keras.ops.sum(matrix, axis=1)
        present = keras.ops.cast(support > 0, "float64")
        recall = keras.ops.diagonal(matrix) / keras.ops.maximum(support, 1e-300)
        return keras.ops.sum(recall) / keras.ops.maximum(keras.ops.sum(present), 1.0)

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor."""
        return {"num_classes": self.num_classes, "name": self.name}
