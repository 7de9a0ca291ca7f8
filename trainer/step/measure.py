"""Updates metrics once for each example, also where replicas have the same part."""

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
        model: Built and compiled.
        targets: As in the data; None if there are none.
        predictions: What the model returned, or None.
        sample_weight: As in the data, or None.
        repeats: Scalar int32: how many replicas have this same part.
    """
    if predictions is None or targets is None:
        return
    when(
        counts_here(repeats),
        lambda: update_metrics(model, targets, predictions, sample_weight),
    )


@contextlib.contextmanager
def held_metrics_counted_once(model: keras.Model, repeats: Any) -> Iterator[None]:
    """Surrounds a forward pass, in which layers update metrics of their own.

    Args:
        model: Built and compiled.
        repeats: Scalar int32: how many replicas have this same part.
    """
    variables = [each for metric in held_metrics(model) for each in metric.variables]
    if not variables or tf.get_static_value(repeats) == 1:
        yield
        return
    before = [tf.identity(variable.value) for variable in variables]
    yield

    def take_back() -> None:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)

    when(tf.logical_not(counts_here(repeats)), take_back)


def counts_here(repeats: Any) -> tf.Tensor:
    """Whether this replica's examples are its own; those of all count on the first."""
    if tf.get_static_value(repeats) == 1:
        return tf.constant(True)
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    return tf.logical_or(tf.equal(repeats, 1), tf.equal(replica, 0))


def own_rows(outputs: Any, repeats: tf.Tensor) -> Any:
    """Leaves out rows that another replica has as well."""
    is_counted = counts_here(repeats)
    if outputs is None or tf.get_static_value(is_counted):
        return outputs
    num_kept = tf.where(is_counted, tf.int32.max, 0)
    return tf.nest.map_structure(
        lambda tensor: None if tensor is None else tensor[:num_kept], outputs
    )


def when(condition: tf.Tensor, effect: Callable[[], None]) -> None:
    """Does something to variables if a traced condition holds."""
    if tf.get_static_value(condition):
        effect()
        return

    def act() -> tf.Tensor:
        effect()
        return tf.constant(0)

    tf.cond(condition, act, lambda: tf.constant(0))
