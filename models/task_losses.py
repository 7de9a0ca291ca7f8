"""Losses and metrics for tasks other than classification."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from ..configs import ModelConfig
from ..core.target_scale import TargetScale


@keras.saving.register_keras_serializable(package="keraunos")
class ScaledLoss(keras.losses.Loss):
    """A loss of numbers, in units of their standard deviations.

    Numbers of different scales then count equally, and the squared loss of a model that
    always predicts the mean is about 1.

    Args:
        loss: A loss whose `call` takes targets and predictions `(rows, numbers)`.
        deviations: Standard deviation of each number.
    """

    def __init__(self, loss: keras.losses.Loss, deviations: Sequence[float]) -> None:
        super().__init__(name=loss.name)
        self._loss = loss
        self._deviations = [*map(float, deviations)]
        self._factors = 1 / np.asarray(deviations, np.float64)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Computes the loss of each example."""
        factors = keras.ops.convert_to_tensor(self._factors, y_pred.dtype)
        targets = keras.ops.cast(y_true, y_pred.dtype)
        return self._loss.call(targets * factors, y_pred * factors)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        loss = keras.saving.serialize_keras_object(self._loss)
        return {"loss": loss, "deviations": self._deviations}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ScaledLoss":
        """Creates a loss from the result of `get_config`."""
        loss = keras.saving.deserialize_keras_object(config["loss"])
        return cls(loss, config["deviations"])


class _BinarizesMixedLabels(keras.metrics.Metric):
    """Makes a metric of binary labels accept those of mixed images, in [0, 1].

    Labels above 0.5 count as 1.
    """

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        labels = keras.ops.cast(keras.ops.greater(y_true, 0.5), y_pred.dtype)
        return super().update_state(labels, y_pred, sample_weight)


@keras.saving.register_keras_serializable(package="keraunos")
class _LabelAccuracy(_BinarizesMixedLabels, keras.metrics.BinaryAccuracy):
    pass


@keras.saving.register_keras_serializable(package="keraunos")
class _F1OfLabels(_BinarizesMixedLabels, keras.metrics.F1Score):
    pass


@keras.saving.register_keras_serializable(package="keraunos")
class _PrecisionOfLabels(_BinarizesMixedLabels, keras.metrics.AUC):
    pass


def multi_label_loss(config: ModelConfig) -> keras.losses.Loss:
    """Creates a binary crossentropy or focal crossentropy, averaged over labels.

    Args:
        config: The section `model`, with the loss and its options.

    Example:
        >>> multi_label_loss(ModelConfig(loss="focal")).name
        'binary_focal_crossentropy'
    """
    smoothing = config.label_smoothing
    if config.loss == "focal":
        return keras.losses.BinaryFocalCrossentropy(
            alpha=config.focal_alpha, gamma=config.focal_gamma, label_smoothing=smoothing
        )
    return keras.losses.BinaryCrossentropy(label_smoothing=smoothing)


def regression_loss(config: ModelConfig, scale: TargetScale) -> keras.losses.Loss:
    """Creates a loss of numbers in units of their standard deviations.

    Args:
        config: The section `model`, with the loss.
        scale: Means and standard deviations of the numbers.
    """
    kinds = {
        "mean_squared_error": keras.losses.MeanSquaredError,
        "mean_absolute_error": keras.losses.MeanAbsoluteError,
        "huber": keras.losses.Huber,
    }
    return ScaledLoss(kinds[config.loss](), scale.deviations)


def multi_label_metrics(names: Sequence[str], num_labels: int) -> list[keras.Metric]:
    """Creates metrics for multi-label classification.

    `mean_average_precision` uses 200 thresholds, and approximates the exact value of a
    test. The threshold of labels is 0.5, for predictions as well as for mixed images.

    Args:
        names: Names as in `model.metrics`.
        num_labels: The number of labels.
    """
    kinds: dict[str, Callable[[str], Any]] = {
        "label_accuracy": lambda name: _LabelAccuracy(name=name),
        "macro_f1": lambda name: _F1OfLabels("macro", 0.5, name=name),
        "mean_average_precision": lambda name: _PrecisionOfLabels(
            curve="PR", multi_label=True, num_labels=num_labels, name=name
        ),
    }
    return [kinds[name](name) for name in names]


def regression_metrics(names: Sequence[str]) -> list[keras.Metric]:
    """Creates metrics for regression, averaged over all numbers.

    Args:
        names: Names as in `model.metrics`.
    """
    kinds = {
        "mean_absolute_error": keras.metrics.MeanAbsoluteError,
        "root_mean_squared_error": keras.metrics.RootMeanSquaredError,
        "r2": keras.metrics.R2Score,
    }
    return [kinds[name](name=name) for name in names]
