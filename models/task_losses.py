"""Losses and metrics of other tasks than classification."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from ..configs import ModelConfig
from ..core.target_scale import TargetScale


@keras.saving.register_keras_serializable(package="keraunos")
class ScaledLoss(keras.losses.Loss):
    """A loss of numbers, in units of their standard deviations.

    Numbers of different size then count alike, and the loss of a model that always predicts
    the mean is about 1 if it is squared.

    Args:
        loss: Its `call` takes targets and predictions `(rows, numbers)`.
        deviations: Of each number.
    """

    def __init__(self, loss: keras.losses.Loss, deviations: Sequence[float]) -> None:
        super().__init__(name=loss.name)
        self._loss = loss
        self._deviations = [*map(float, deviations)]
        self._factors = 1 / np.asarray(deviations, np.float64)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each example."""
        factors = keras.ops.convert_to_tensor(self._factors, y_pred.dtype)
        targets = keras.ops.cast(y_true, y_pred.dtype)
        return self._loss.call(targets * factors, y_pred * factors)

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor."""
        loss = keras.saving.serialize_keras_object(self._loss)
        return {"loss": loss, "deviations": self._deviations}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ScaledLoss":
        """Makes it of what `get_config` returned."""
        loss = keras.saving.deserialize_keras_object(config["loss"])
        return cls(loss, config["deviations"])


class _OnMixedLabels(keras.metrics.Metric):
    """Makes a metric of labels, 0 or 1, accept those of mixed images, which lie between.

    A mixed image counts as having the labels that most of it has.
    """

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        labels = keras.ops.cast(keras.ops.greater(y_true, 0.5), y_pred.dtype)
        return super().update_state(labels, y_pred, sample_weight)


@keras.saving.register_keras_serializable(package="keraunos")
class _LabelAccuracy(_OnMixedLabels, keras.metrics.BinaryAccuracy):
    pass


@keras.saving.register_keras_serializable(package="keraunos")
class _F1OfLabels(_OnMixedLabels, keras.metrics.F1Score):
    pass


@keras.saving.register_keras_serializable(package="keraunos")
class _PrecisionOfLabels(_OnMixedLabels, keras.metrics.AUC):
    pass


def multi_label_loss(config: ModelConfig) -> keras.losses.Loss:
    """Crossentropy of each label, or the focal form of it; the mean over labels.

    Args:
        config: Names the loss, its options and the label smoothing.

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
    """The error of numbers in units of their standard deviations.

    Args:
        config: Names the loss.
        scale: Of the numbers.
    """
    kinds = {
        "mean_squared_error": keras.losses.MeanSquaredError,
        "mean_absolute_error": keras.losses.MeanAbsoluteError,
        "huber": keras.losses.Huber,
    }
    return ScaledLoss(kinds[config.loss](), scale.deviations)


def multi_label_metrics(names: Sequence[str], num_labels: int) -> list[keras.Metric]:
    """Makes what `compile` takes as metrics of several labels per image.

    `mean_average_precision` is taken at 200 thresholds: an approximation of what a test
    measures exactly. Labels are given from a probability of 0.5 on. Mixed images count as
    having the labels that most of them has.

    Args:
        names: As in `model.metrics`.
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
    """Makes what `compile` takes as metrics of numbers: means over all numbers.

    Args:
        names: As in `model.metrics`.
    """
    kinds = {
        "mean_absolute_error": keras.metrics.MeanAbsoluteError,
        "root_mean_squared_error": keras.metrics.RootMeanSquaredError,
        "r2": keras.metrics.R2Score,
    }
    return [kinds[name](name=name) for name in names]
