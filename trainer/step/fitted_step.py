"""A step of training for models in which nothing trains."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ...core.bundle import Arrays
from .evaluate import EvaluationStep
from .sampling import NoSampler
from .train import Outcome


class FittedStep:
    """Takes the place of `TrainStep` where nothing trains: it only measures.

    Args:
        step: Measures, on the batches of training.

    Attributes:
        model: What is measured.
        strategy: Where steps run.
        totals: Sums over the epoch.
        is_compiled: As of `TrainStep`.
        sampler: As of `TrainStep`.
    """

    is_compiled = False
    sampler = NoSampler()

    def __init__(self, step: EvaluationStep) -> None:
        self._step = step
        self.model = step.model
        self.strategy = step.strategy
        self.totals = step.totals

    def on(self, iterator: Any) -> Callable[[tf.Tensor, tf.Tensor], Outcome]:
        """Makes steps of one iterator: see `TrainStep.on`."""

        def make_steps(first_step: tf.Tensor, steps: tf.Tensor) -> Outcome:
            del first_step  # nothing is random
            self._step(iterator, steps)
            return Outcome(steps, tf.constant(True))

        return make_steps

    def position(self) -> None:
        """Nothing is known of it: see `TrainStep.position`."""

    def finish_epoch(self) -> None:
        """Does nothing: there is nothing to apply."""

    def epoch_values(self) -> Arrays:
        """Copies what has been summed up in this epoch."""
        return self.totals.copy()

    def restore_epoch(self, values: Arrays) -> None:
        """Takes back what `epoch_values` returned."""
        self.totals.restore(values)
