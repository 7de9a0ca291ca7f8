"""Losses of classifiers by name.

Each is linear in its targets: the loss of a mixed image is the weighted mean of the losses
for its classes.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from ..configs import ModelConfig
from .keras_internals import logits_of

Numbers = npt.NDArray[np.float64]


@keras.saving.register_keras_serializable(package="keraunos")
class OnClassTargets(keras.losses.Loss):
    """Makes a loss for one-hot targets accept class indices as well.

    Targets are class indices, `(rows,)` or `(rows, 1)`, or class probabilities,
    `(rows, num_classes)`, such as those of mixed images.

    Args:
        loss: A loss whose `call` takes targets and predictions `(rows, num_classes)`.
        num_classes: The number of classes.
    """

    def __init__(self, loss: keras.losses.Loss, num_classes: int) -> None:
        super().__init__(name=loss.name)
        self._loss = loss
        self._num_classes = num_classes

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Computes the loss of each example."""
        return self._loss.call(self._probabilities(y_true, y_pred.dtype), y_pred)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        loss = keras.saving.serialize_keras_object(self._loss)
        return {"loss": loss, "num_classes": self._num_classes}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "OnClassTargets":
        """Creates a loss from the result of `get_config`."""
        loss = keras.saving.deserialize_keras_object(config["loss"])
        return cls(loss, config["num_classes"])

    def _probabilities(self, y_true: Any, dtype: str) -> Any:
        if len(y_true.shape) == 2 and y_true.shape[-1] == self._num_classes:
            return keras.ops.cast(y_true, dtype)
        numbers = keras.ops.reshape(keras.ops.cast(y_true, "int32"), (-1,))
        return keras.ops.one_hot(numbers, self._num_classes, dtype=dtype)


@keras.saving.register_keras_serializable(package="keraunos")
class Crossentropy(keras.losses.Loss):
    """Keras's crossentropy for class indices as well as class probabilities.

    Targets are class indices, `(rows,)` or `(rows, 1)`, as in Keras's
    `sparse_categorical_crossentropy`, or class probabilities, `(rows, classes)`, such as
    those of mixed images.

    Args:
        from_logits: Whether the model returns logits instead of probabilities.
        name: Name of the loss.

    Example:
        >>> targets, outputs = np.array([[0.4, 0.6], [0.0, 1.0]]), np.full((2, 2), 0.5)
        >>> round(float(Crossentropy()(targets, outputs)), 4)
        0.6931
    """

    def __init__(
        self, from_logits: bool = False, name: str = "sparse_categorical_crossentropy"
    ) -> None:
        super().__init__(name=name)
        self._from_logits = from_logits
        self._of_numbers = keras.losses.SparseCategoricalCrossentropy(from_logits)
        self._of_probabilities = keras.losses.CategoricalCrossentropy(from_logits)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Computes the loss of each example."""
        is_mixed = len(y_true.shape) == 2 and y_true.shape[-1] == y_pred.shape[-1]
        loss = self._of_probabilities if is_mixed else self._of_numbers
        return loss.call(y_true, y_pred)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"from_logits": self._from_logits, "name": self.name}


@keras.saving.register_keras_serializable(package="keraunos")
class ClassBalancedCrossentropy(keras.losses.Loss):
    """Crossentropy with examples weighted by the effective number of their class.

    From "Class-Balanced Loss Based on Effective Number of Samples", Cui, Jia, Lin, Song
    and Belongie, 2019. The weights of all classes sum to their number.

    Args:
        class_counts: Number of training examples of each class.
        beta: 0 weights all classes equally; close to 1, by the inverse of their counts.
        label_smoothing: Share of each target that is distributed over all classes.
    """

    def __init__(
        self, class_counts: Sequence[int], beta: float, label_smoothing: float = 0.0
    ) -> None:
        super().__init__(name="class_balanced_crossentropy")
        self._arguments = {"class_counts": [*map(int, class_counts)], "beta": beta}
        self._weights = effective_number_weights(class_counts, beta)
        self._label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Computes the loss of each example, for targets `(rows, classes)`."""
        weighted = y_true * keras.ops.convert_to_tensor(self._weights, y_pred.dtype)
        targets = _smoothed(weighted, self._label_smoothing)
        return -keras.ops.sum(targets * log_probabilities(y_pred), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {**self._arguments, "label_smoothing": self._label_smoothing}


@keras.saving.register_keras_serializable(package="keraunos")
class LogitAdjustedCrossentropy(keras.losses.Loss):
    """Crossentropy of logits that are shifted towards frequent classes.

    From "Long-Tail Learning via Logit Adjustment", Menon, Jayasumana, Rawat, Jain, Veit
    and Kumar, 2020. To compensate, the model learns larger logits for rare classes. Its
    outputs, and thus metrics and predictions, are not shifted.

    Args:
        class_counts: Number of training examples of each class.
        tau: Factor of the logarithm of a class's frequency, which is added to its logits.
        label_smoothing: Share of each target that is distributed over all classes.
    """

    def __init__(
        self, class_counts: Sequence[int], tau: float, label_smoothing: float = 0.0
    ) -> None:
        super().__init__(name="logit_adjusted_crossentropy")
        self._arguments = {"class_counts": [*map(int, class_counts)], "tau": tau}
        counts = np.asarray(class_counts, np.float64)
        self._adjustment = tau * np.log(counts / counts.sum())
        self._label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Computes the loss of each example, for targets `(rows, classes)`."""
        adjustment = keras.ops.convert_to_tensor(self._adjustment, y_pred.dtype)
        moved = keras.ops.log_softmax(log_probabilities(y_pred) + adjustment)
        targets = _smoothed(y_true, self._label_smoothing)
        return -keras.ops.sum(targets * moved, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {**self._arguments, "label_smoothing": self._label_smoothing}


def classification_loss(
    config: ModelConfig, num_classes: int, class_counts: Sequence[int] | None = None
) -> keras.losses.Loss:
    """Creates a loss of probabilities, for class indices or class probabilities.

    Args:
        config: The section `model`, with the loss and its options.
        num_classes: The number of classes.
        class_counts: Number of training examples of each class, for losses that need it.

    Example:
        >>> classification_loss(ModelConfig(loss="focal"), num_classes=9).name
        'categorical_focal_crossentropy'
    """
    smoothing, counts = config.label_smoothing, class_counts or ()
    if config.loss == "crossentropy" and not smoothing:
        return Crossentropy()
    loss: keras.losses.Loss
    match config.loss:
        case "crossentropy":
            loss = keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)
        case "focal":
            alpha, gamma = config.focal_alpha, config.focal_gamma
            loss = keras.losses.CategoricalFocalCrossentropy(
                alpha, gamma, label_smoothing=smoothing
            )
        case "class_balanced":
            beta = config.class_balanced_beta
            loss = ClassBalancedCrossentropy(counts, beta, smoothing)
        case "logit_adjusted":
            tau = config.logit_adjusted_tau
            loss = LogitAdjustedCrossentropy(counts, tau, smoothing)
    return OnClassTargets(loss, num_classes)


def effective_number_weights(class_counts: Sequence[int], beta: float) -> Numbers:
    """Computes class weights, inverse to the effective numbers of examples.

    Example:
        >>> effective_number_weights([1, 2], beta=0.5).round(6).tolist()
        [1.2, 0.8]
    """
    counts = np.asarray(class_counts, np.float64)
    with np.errstate(divide="ignore"):  # for beta=0
        # 1 - beta ** n, without cancellation for beta close to 1.
        weights: Numbers = -1 / np.expm1(counts * np.log(beta))
    return weights * len(counts) / weights.sum()


def log_probabilities(probabilities: Any) -> Any:
    """Computes the logarithms of probabilities, from their logits if known.

    The logarithm of a probability that is 0 in float32 is finite and has a gradient.
    """
    logits = logits_of(probabilities)
    if logits is not None:
        return keras.ops.log_softmax(keras.ops.cast(logits, probabilities.dtype))
    smallest = np.finfo(keras.backend.standardize_dtype(probabilities.dtype)).tiny
    return keras.ops.log(keras.ops.maximum(probabilities, smallest))


def _smoothed(targets: Any, label_smoothing: float) -> Any:
    """Applies label smoothing; each row keeps its sum."""
    total = keras.ops.sum(targets, axis=-1, keepdims=True)
    shared = total / targets.shape[-1]
    return targets + label_smoothing * (shared - targets)
