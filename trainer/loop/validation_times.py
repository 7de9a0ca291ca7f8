"""Decides when a fit validates."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from ...callbacks import RunState
from ...configs import TrainerConfig
from ..step.metric_internals import metric_variables


@dataclass(frozen=True)
class ValidationTimes:
    """Decides when to validate.

    Attributes:
        every_n_epochs: Number of epochs between validations.
        every_n_steps: Number of steps between additional validations, or None.
        sanity_batches: Number of batches to validate before the first step, to find bugs in
            validation early.
    """

    every_n_epochs: int = 1
    every_n_steps: int | None = None
    sanity_batches: int = 0

    @classmethod
    def of(cls, settings: TrainerConfig) -> "ValidationTimes":
        """Creates an instance from the settings of the Trainer."""
        return cls(
            settings.validate_every_n_epochs,
            settings.validate_every_n_steps,
            settings.sanity_validation_batches,
        )

    def after_epoch(self, run: RunState) -> bool:
        """Returns whether to validate at the end of an epoch."""
        return (run.epoch + 1) % self.every_n_epochs == 0 or self._after_step(run)

    def within_epoch(self, run: RunState) -> bool:
        """Returns whether to validate now, between two steps of an epoch."""
        is_between = 0 < run.epoch_step != run.steps_per_epoch
        return is_between and self._after_step(run) and run.validated_step != run.step

    def steps_until_due(self, step: int) -> int | None:
        """Returns the number of steps until the next validation, or None without one."""
        return self.every_n_steps and self.every_n_steps - step % self.every_n_steps

    def _after_step(self, run: RunState) -> bool:
        return self.every_n_steps is not None and run.step % self.every_n_steps == 0


@contextlib.contextmanager
def metrics_set_aside(
    model: keras.Model, strategy: tf.distribute.Strategy
) -> Iterator[None]:
    """Saves the state of training metrics while they are used for validation.

    The state of each replica is saved separately, since redistributing float sums would
    change their last bits.
    """
    replicas = [
        replica
        for variable in metric_variables(model)
        for replica in strategy.experimental_local_results(variable.value)
    ]
    kept = [np.array(replica.numpy()) for replica in replicas]
    try:
        yield
    finally:
        for replica, value in zip(replicas, kept, strict=True):
            replica.assign(value)
