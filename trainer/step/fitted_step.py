"""Replaces the training step for models whose head is fitted instead of trained."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ...core.bundle import Arrays
from .evaluate import EvaluationStep
from .sampling import NoSampler
from .train import Outcome


class FittedStep:
    """Evaluates the model on training batches, in place of `TrainStep`.

    Args:
        step: Evaluates the model.

    Attributes:
        model: The model.
        strategy: The strategy.
        totals: Sums over the epoch.
        is_compiled: See `TrainStep`; always False.
        sampler: See `TrainStep`; samples nothing.
    """

    is_compiled = False
    sampler = NoSampler()

    def __init__(self, step: EvaluationStep) -> None:
        self._step = step
        self.model = step.model
        self.strategy = step.strategy
        self.totals = step.totals

    def on(self, iterator: Any) -> Callable[[tf.Tensor, tf.Tensor], Outcome]:
        """Returns a function that executes steps on an iterator; see `TrainStep.on`."""

        def make_steps(first_step: tf.Tensor, steps: tf.Tensor) -> Outcome:
            del first_step  # only needed to seed random layers
            self._step(iterator, steps)
            return Outcome(steps, tf.constant(True))

        return make_steps

    def position(self) -> None:
        """Returns None, since no position is recorded; see `TrainStep.position`."""

    def finish_epoch(self) -> None:
        """Does nothing, since there are no gradients to apply."""

    def epoch_values(self) -> Arrays:
        """Copies the sums of this epoch."""
        return self.totals.copy()

    def restore_epoch(self, values: Arrays) -> None:
        """Restores the result of `epoch_values`."""
        self.totals.restore(values)
