"""Updates metrics once per example, even if replicas have the same part."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from .loss_internals import unscaled_losses
from .metric_internals import held_metrics, update_metrics


@unscaled_losses()
def measure(
    model: keras.Model, targets: Any, predictions: Any, sample_weight: Any, repeats: Any
) -> None:
    """Updates the compiled metrics; in replica context.

    Args:
        model: The model, built and compiled.
        targets: Targets in the structure of the data, or None.
        predictions: Outputs of the model, or None.
        sample_weight: Weights in the structure of the data, or None.
        repeats: Number of replicas that have this same part: scalar int32.
    """
    if predictions is None or targets is None:
        return
    run_if(
        is_counted_on_replica(repeats),
        lambda: update_metrics(model, targets, predictions, sample_weight),
    )


@contextlib.contextmanager
def held_metrics_counted_once(model: keras.Model, repeats: Any) -> Iterator[None]:
    """Makes metrics of layers count repeated parts once, within a forward pass.

    Args:
        model: The model, built and compiled.
        repeats: Number of replicas that have this same part: scalar int32.
    """
    variables = [each for metric in held_metrics(model) for each in metric.variables]
    if not variables or tf.get_static_value(repeats) == 1:
        yield
        return
    before = [tf.identity(variable.value) for variable in variables]
    yield

    def restore() -> None:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)

    run_if(tf.logical_not(is_counted_on_replica(repeats)), restore)


def is_counted_on_replica(repeats: Any) -> tf.Tensor:
    """Returns whether this replica's examples count: repeated ones only on the first."""
    if tf.get_static_value(repeats) == 1:
        return tf.constant(True)
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    return tf.logical_or(tf.equal(repeats, 1), tf.equal(replica, 0))


def own_rows(outputs: Any, repeats: tf.Tensor) -> Any:
    """Removes rows that count on another replica."""
    is_counted = is_counted_on_replica(repeats)
    if outputs is None or tf.get_static_value(is_counted):
        return outputs
    num_kept = tf.where(is_counted, tf.int32.max, 0)
    return tf.nest.map_structure(
        lambda tensor: None if tensor is None else tensor[:num_kept], outputs
    )


def run_if(condition: tf.Tensor, effect: Callable[[], None]) -> None:
    """Runs a function with side effects if a traced condition holds."""
    if tf.get_static_value(condition):
        effect()
        return

    def act() -> tf.Tensor:
        effect()
        return tf.constant(0)

    tf.cond(condition, act, lambda: tf.constant(0))
