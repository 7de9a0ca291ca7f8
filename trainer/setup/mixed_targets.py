"""Checks that losses and metrics accept class probabilities as well as class indices.

Targets of mixed images are class probabilities; those of validation and test are class
indices.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ...core.errors import ConfigError, message
from ...models import Module
from ..step.losses import overrides_training_step
from ..step.metric_internals import compiled_metrics

Measure = Callable[[Any, Any], Any]  # of targets and outputs

ROWS = 7
TOLERANCE = 1e-3  # absolute and relative: the two forms are rounded differently


def check_mixed_losses(model: keras.Model, module: Module, num_classes: int) -> None:
    """Rejects losses that accept only class indices or only class probabilities.

    Args:
        model: The model, compiled but not necessarily built.
        module: The module; if it defines `training_step`, nothing is checked.
        num_classes: The number of classes.

    Raises:
        ConfigError: A loss accepts only one of the two forms.
    """
    if overrides_training_step(module):
        return
    for loss in filter(None, tf.nest.flatten(model.loss)):
        if not _agrees_on_both_forms(_loss_function(loss), num_classes):
            name = loss.name if isinstance(loss, keras.losses.Loss) else loss
            raise _refusal("loss", name, "loss=keraunos.Crossentropy()")


def check_mixed_metrics(model: keras.Model, num_classes: int) -> None:
    """Rejects metrics that accept only class indices or only class probabilities.

    Args:
        model: The model, built and compiled.
        num_classes: The number of classes.

    Raises:
        ConfigError: A metric accepts only one of the two forms.
    """
    for metric in compiled_metrics(model):
        if not _agrees_on_both_forms(_metric_function(metric), num_classes):
            raise _refusal("metric", metric.name, "metrics=[keraunos.Accuracy()]")


def _agrees_on_both_forms(function: Measure, num_classes: int) -> bool:
    """Returns whether a function of targets and outputs returns the same for both forms."""
    random = np.random.default_rng(0)
    labels = random.integers(0, num_classes, ROWS)
    outputs = tf.constant(
        random.dirichlet(np.ones(num_classes), ROWS), keras.config.floatx()
    )
    forms = tf.constant(labels, tf.int32), tf.one_hot(labels, num_classes)
    try:
        numbers, probabilities = (np.asarray(function(form, outputs)) for form in forms)
    except Exception:  # the function does not accept one of the forms
        return False
    return bool(np.allclose(numbers, probabilities, TOLERANCE, TOLERANCE))


def _loss_function(loss: Any) -> Measure:
    if isinstance(loss, str) and loss.lower() in ("crossentropy", "ce"):
        loss = "categorical_crossentropy"  # as Keras resolves it for one-hot targets
    function: Measure = keras.losses.get(loss)
    return function


def _metric_function(metric: keras.metrics.Metric) -> Measure:
    def value(targets: Any, outputs: Any) -> Any:
        empty = [(each, tf.zeros(each.shape, each.dtype)) for each in metric.variables]
        with keras.StatelessScope(state_mapping=empty):
            metric.update_state(targets, outputs)
            return metric.result()

    return value


def _refusal(kind: str, name: Any, remedy: str) -> ConfigError:
    return ConfigError(
        message(
            f"To train on mixed images, a {kind} must take both class probabilities, "
            "`(rows, classes)`, and class indices, `(rows,)`.",
            f"Compile the model with {remedy} or another {kind} of Keraunos, or leave out "
            "augmentation.mixup and augmentation.cutmix.",
            **{kind: name},
        )
    )
