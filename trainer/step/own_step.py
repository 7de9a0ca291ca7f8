"""Calls the `training_step` of a module and checks its result."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from ...core.errors import ConfigError, message
from ...models import Module
from ..contracts import HasShape
from .metric_internals import has_compiled_metrics


class OwnStep(NamedTuple):
    """The result of a `training_step`.

    Attributes:
        loss: Loss of each example, `(rows, ...)`.
        predictions: Predictions for the compiled metrics, or None.
        values: Other values to log by name, each `(rows, ...)`.
    """

    loss: Any
    predictions: Any
    values: dict[str, Any]


def call_training_step(
    module: Module, model: keras.Model, batch: tuple[Any, Any, Any], training: bool
) -> OwnStep:
    """Calls `training_step`; in replica context, while tracing.

    Raises:
        ConfigError: It did not return a dict with a loss, a loss or value does not have an
            entry per example, the loss ignores the sample weights, or compiled metrics lack
            predictions or targets.
    """
    result = module.training_step(model, batch, training)
    if not isinstance(result, Mapping) or "loss" not in result:
        raise ConfigError(
            message(
                '`training_step` must return a dict with the key "loss".',
                'Write `return {"loss": loss, "predictions": predictions}`.',
                returned=_describe(result),
            )
        )
    predictions = result.get("predictions")
    if predictions is None or batch[1] is None:
        _require_no_metrics(model, result)
    values = {n: each for n, each in result.items() if n not in ("loss", "predictions")}
    for name, value in {"loss": result["loss"], **values}.items():
        _require_rows(name, value, batch[0])
    if training and module.uses_sample_weight:
        _require_weights(result["loss"], batch[2])
    return OwnStep(result["loss"], predictions, values)


def _require_no_metrics(model: keras.Model, result: Any) -> None:
    """Rejects compiled metrics that would never be updated."""
    if has_compiled_metrics(model):
        raise ConfigError(
            message(
                "The metrics of the compiled model need targets, and the "
                '"predictions" that `training_step` returns.',
                "Return predictions along with the loss, or compile without metrics and "
                "return further values by name.",
                returned=_describe(result),
            )
        )


def _require_rows(name: Any, value: Any, inputs: Any) -> None:
    """Rejects a value that does not have an entry per example.

    A value that is already averaged or summed depends on the number of replicas.
    """
    shape: Any = value.shape if isinstance(value, HasShape) else ()
    rows = tf.nest.flatten(inputs)[0].shape[0]
    first = next(iter(shape), "none")  # a scalar has no rows
    if isinstance(name, str) and first in (None, rows):
        return
    raise ConfigError(
        message(
            "`training_step` must return a value for each example, of shape (rows,), for "
            "each name.",
            "Leave out the last mean or sum over examples.",
            name=name,
            value=_describe(value),
        )
    )


def _require_weights(loss: Any, weights: Any) -> None:
    """Rejects a loss in whose graph the sample weights do not occur.

    This costs nothing and does not depend on values: the step is being traced anyway. What
    runs eagerly, in a probe, is not looked at.
    """
    given = [each for each in tf.nest.flatten(weights, True) if each is not None]
    if not given or not all(map(tf.is_symbolic_tensor, [loss, *given])):
        return
    if not _depends_on(loss, {each.ref() for each in given}):
        raise ConfigError(
            message(
                "The loss of `training_step` must depend on the sample weights: the data "
                "or `class_weight` has some, and the Trainer does not apply them.",
                "Multiply the loss by batch[2], or set uses_sample_weight = False in the "
                "module if they are not meant for the loss.",
                sample_weight=_describe(given[0]),
            )
        )


def _depends_on(tensor: Any, sources: set[Any]) -> bool:
    """Returns whether a tensor of a graph is computed from one of these."""
    waiting, seen = [tensor], set()
    while waiting:
        each = waiting.pop()
        if each.ref() in sources:
            return True
        if each.op not in seen:
            seen.add(each.op)
            waiting += each.op.inputs
    return False


def _describe(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"dict with the keys {list(value)}"
    kind = type(value).__name__
    return f"{kind} of shape {tuple(value.shape)}" if isinstance(value, HasShape) else kind
