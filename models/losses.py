"""Losses of classifiers by name."""

from typing import Any

import keras


class OnClassTargets(keras.losses.Loss):
    """Lets a loss that takes one-hot targets take class numbers as well.

    Targets are class numbers `(rows,)` or `(rows, 1)`, or the probabilities of the classes
    `(rows, num_classes)`, as mixed images have them.

    Args:
        loss: One of Keras's.
        num_classes: How many classes there are.
    """

    def __init__(self, loss: keras.losses.Loss, num_classes: int) -> None:
        super().__init__(name=loss.name)
        self._loss = loss
        self._num_classes = num_classes

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each example."""
        return self._loss.call(self._probabilities(y_true, y_pred.dtype), y_pred)

    def _probabilities(self, y_true: Any, dtype: str) -> Any:
        if len(y_true.shape) == 2 and y_true.shape[-1] == self._num_classes:
            return keras.ops.cast(y_true, dtype)
        numbers = keras.ops.reshape(keras.ops.cast(y_true, "int32"), (-1,))
        return keras.ops.one_hot(numbers, self._num_classes, dtype=dtype)


def classification_loss(
    kind: str, label_smoothing: float, num_classes: int
) -> keras.losses.Loss | str:
    """A loss of probabilities, given class numbers.

    Args:
        kind: `"crossentropy"` or `"focal"`.
        label_smoothing: What part of each target is shared out over all classes.
        num_classes: How many classes there are.

    Example:
        >>> classification_loss("focal", 0.0, num_classes=9).name
        'categorical_focal_crossentropy'
    """
    if kind == "crossentropy" and not label_smoothing:
        return "sparse_categorical_crossentropy"
    kinds = {
        "crossentropy": keras.losses.CategoricalCrossentropy,
        "focal": keras.losses.CategoricalFocalCrossentropy,
    }
    return OnClassTargets(kinds[kind](label_smoothing=label_smoothing), num_classes)
