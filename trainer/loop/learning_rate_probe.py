"""Tries steps whose effect is taken back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from ...models.variables import changing_variables
from ...strategies import Position
from ..contracts import BatchSource
from ..step.batches import Batches
from ..step.train import TrainStep


@dataclass(frozen=True)
class Probe:
    """Trains some steps with learning rates to choose from, and forgets them.

    Attributes:
        step: The traced step.
        source: Where batches come from.
        batches_per_step: Over how many batches gradients are added up.
    """

    step: TrainStep
    source: BatchSource
    batches_per_step: int = 1

    def __call__(self, learning_rates: Sequence[float]) -> list[float]:
        """The loss of each step, up to the first that is not finite.

        Args:
            learning_rates: Of one step after the other.
        """
        model = self.step.model
        variables = [*changing_variables(model).values(), *model.optimizer.variables]
        kept = [np.array(variable.numpy()) for variable in variables]
        try:
            return list(self._losses(learning_rates))
        finally:
            self.step.finish_epoch()
            self.step.totals.reset()
            for variable, value in zip(variables, kept, strict=True):
                variable.assign(value)

    def _losses(self, learning_rates: Sequence[float]) -> Iterator[float]:
        batches = _Endless(Batches(self.step.strategy, self.source))
        for number, rate in enumerate(learning_rates):
            self.step.model.optimizer.learning_rate = rate
            self.step.totals.reset()
            for _ in range(self.batches_per_step):
                outcome = batches.next_call(self.step, number)
                if not outcome.finite:
                    return
            yield self.step.totals.read().losses["loss"]


class _Endless:
    """Goes through the epochs of a source as long as it is asked."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self._epoch = 0
        self._iterator = batches.start(Position())

    def next_call(self, step: TrainStep, number: int) -> Any:
        """One step on the next batch."""
        first, one = tf.constant(number, tf.int64), tf.constant(1, tf.int64)
        try:
            return step(self._iterator, first, one)
        except (tf.errors.OutOfRangeError, StopIteration):
            self._epoch += 1
            self._iterator = self._batches.start(Position(self._epoch))
            return step(self._iterator, first, one)
