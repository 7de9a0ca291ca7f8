"""Trains one step with each of several learning rates, and undoes these steps."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ...models.variables import changing_variables
from ...strategies import Position
from ..contracts import BatchSource
from ..step.batches import Batches
from ..step.train import TrainStep


def try_learning_rates(
    step: TrainStep,
    source: BatchSource,
    learning_rates: Sequence[float],
    batches_per_update: int = 1,
) -> list[float]:
    """Trains one step with each learning rate, then restores weights and optimizer.

    Args:
        step: The traced step.
        source: The source of batches.
        learning_rates: The learning rate of each step.
        batches_per_update: Number of batches over which gradients are accumulated.

    Returns:
        The loss of each step before the first that is not finite.
    """
    model = step.model
    variables = [*changing_variables(model).values(), *model.optimizer.variables]
    kept = [np.array(variable.numpy()) for variable in variables]
    try:
        return list(_losses(step, source, learning_rates, batches_per_update))
    finally:
        step.finish_epoch()
        step.totals.reset()
        for variable, value in zip(variables, kept, strict=True):
            variable.assign(value)


def _losses(
    step: TrainStep,
    source: BatchSource,
    learning_rates: Sequence[float],
    batches_per_update: int,
) -> Iterator[float]:
    batches = _Endless(Batches(step.strategy, source))
    for number, rate in enumerate(learning_rates):
        step.model.optimizer.learning_rate = rate
        step.totals.reset()
        for _ in range(batches_per_update):
            outcome = batches.next_call(step, number)
            if not outcome.finite:
                return
        yield step.totals.read().losses["loss"]


class _Endless:
    """Iterates over the epochs of a source without end."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self._epoch = 0
        self._iterator = batches.start(Position())

    def next_call(self, step: TrainStep, number: int) -> Any:
        """Executes one step on the next batch."""
        first, one = tf.constant(number, tf.int64), tf.constant(1, tf.int64)
        try:
            return step(self._iterator, first, one)
        except (tf.errors.OutOfRangeError, StopIteration):
            self._epoch += 1
            self._iterator = self._batches.start(Position(self._epoch))
            return step(self._iterator, first, one)
