"""Weights examples by class, like `class_weight` of `Model.fit`."""

import copy
import math
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from ...core.errors import ConfigError, message
from ..contracts import BatchSource, knows_targets, mixes_images

ClassWeight = Mapping[int, float]


def weighted_by_class(source: BatchSource, class_weight: ClassWeight | None) -> BatchSource:
    """Returns a source of the same batches with a weight for each example.

    Args:
        source: A source with integer or one-hot targets of one output, and no weights.
        class_weight: Weights by class, 1 by default; None returns the source.

    Raises:
        ConfigError: `class_weight` is invalid, or the data has another task. Raised when
            batches are prepared: the data already has weights, or several outputs.
    """
    if class_weight is None:
        return source
    if knows_targets(source):
        raise ConfigError(
            message(
                "`class_weight` is for examples of one class each.",
                "Leave it out.",
                task=source.task,
            )
        )
    table, is_mixed = _weights_by_class(class_weight), mixes_images(source)
    weighted = copy.copy(source)  # keeps all other methods of the source

    def prepare(part: Any) -> tuple[Any, Any, Any]:
        inputs, targets, weights = source.prepare(part)
        _check(targets, weights)
        if is_mixed:
            return inputs, *_weight_mixed_targets(targets, table)
        return inputs, targets, _weights(targets, table)

    weighted.prepare = prepare  # type: ignore[method-assign]
    return weighted


def _weights_by_class(class_weight: ClassWeight) -> list[float]:
    """Returns the weights of classes 0, 1, ... and, last, that of all other classes."""
    try:
        weights = {int(label): float(weight) for label, weight in class_weight.items()}
        exact = all(int(label) == label for label in class_weight)
    except (AttributeError, TypeError, ValueError):
        weights, exact = {}, False
    if not exact or not weights or not all(map(_is_weight, weights.items())):
        raise ConfigError(
            message(
                "`class_weight` must map class indices, from 0 on, to weights of at least "
                "0.",
                "Write class_weight={0: 1.0, 1: 2.5}.",
                class_weight=class_weight,
            )
        )
    return [weights.get(label, 1.0) for label in range(max(weights) + 1)] + [1.0]


def _is_weight(item: tuple[int, float]) -> bool:
    label, weight = item
    return label >= 0 and weight >= 0 and math.isfinite(weight)


def _check(targets: Any, weights: Any) -> None:
    if weights is not None:
        raise ConfigError(
            message(
                "`class_weight` can't be set for data that already has weights.",
                "Leave out one of the two: sample weights, or class_balance=weights of "
                "ImageData.",
                sample_weight=str(weights.shape),
            )
        )
    if not isinstance(targets, tf.Tensor):
        raise ConfigError(
            message(
                "`class_weight` needs a model with one output.",
                "Give each example its weight: make the elements (x, y, sample_weight).",
                targets=type(targets).__name__,
            )
        )


def _weight_mixed_targets(
    targets: tf.Tensor, table: list[float]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Computes targets and weights of images mixed by `data.augmentation.mixing`."""
    classes = range(targets.shape[-1])
    by_class = [table[min(number, len(table) - 1)] for number in classes]
    shares = targets * tf.constant(by_class, targets.dtype)
    weights = tf.reduce_sum(shares, axis=-1)
    return tf.math.divide_no_nan(shares, weights[:, None]), weights


def _weights(targets: tf.Tensor, table: list[float]) -> tf.Tensor:
    """Looks up the weight of each target: `(rows,)`, or `(rows, ...)` for such targets."""
    labels = targets
    if len(targets.shape) > 1:
        is_one_hot = targets.shape[-1] != 1
        labels = tf.argmax(targets, -1) if is_one_hot else tf.squeeze(targets, -1)
    if labels.dtype.is_floating:
        labels = tf.round(labels)
    places = tf.cast(labels, tf.int32)
    rest = len(table) - 1
    places = tf.where((places < 0) | (places > rest), rest, places)
    return tf.gather(tf.constant(table, keras.config.floatx()), places)
