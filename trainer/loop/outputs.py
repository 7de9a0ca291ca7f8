"""Collects the outputs of a model, one row per example, in the order of the data."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from ...evaluation import Predictions
from ...strategies import workers_of
from ..contracts import LabeledSource
from ..guards.wrong_data import no_batches

Collected = Any


def collect(
    strategy: tf.distribute.Strategy,
    step: Callable[[], Any],
    steps: int | None,
    between_calls: Callable[[], None] = lambda: None,
) -> Collected:
    """Calls a step repeatedly and concatenates its outputs.

    Args:
        strategy: The strategy to run the step with.
        step: Returns the outputs of one batch, per replica.
        steps: Number of calls, or None to call until the data ends.
        between_calls: Called after each call.

    Returns:
        The outputs in their structure, each array with one row per example.

    Raises:
        DataError: There is no batch.
    """
    batches: list[Any] = []
    while steps is None or len(batches) < steps:
        try:
            batches.append(on_host(strategy, step()))
        except (tf.errors.OutOfRangeError, StopIteration):
            break
        between_calls()
    if not batches:
        raise no_batches("evaluation")
    return tf.nest.map_structure(lambda *arrays: np.concatenate(arrays), *batches)


def on_host(strategy: tf.distribute.Strategy, outputs: Any) -> Any:
    """Copies outputs to the host and concatenates the rows of all replicas and workers."""
    replicas = strategy.experimental_local_results(outputs)
    own = tf.nest.map_structure(
        lambda *parts: np.concatenate([part.numpy() for part in parts]), *replicas
    )
    gathered = workers_of(strategy).gather(tf.nest.flatten(own))
    joined = [np.concatenate(parts) for parts in zip(*gathered, strict=True)]
    return tf.nest.pack_sequence_as(own, joined)


def as_predictions(source: LabeledSource, outputs: Collected) -> Predictions:
    """Combines the outputs of a classifier with names and labels of the examples."""
    rows = len(outputs)
    return Predictions(
        source.names[:rows], outputs, source.class_names, source.labels[:rows]
    )
