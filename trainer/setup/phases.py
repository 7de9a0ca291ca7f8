"""Goes from one phase of a fit to the next: other variables train, with a new optimizer."""

import contextlib
from collections.abc import Iterable
from typing import Any

import keras

from ...callbacks import RunState
from ...core.errors import ConfigError, message
from ...models.phases import Phase
from ...models.variables import changing_variables
from ..step.keras_internals import accumulation_taken_over
from .schedule_length import set_schedule_length


class Accumulation:
    """Takes gradient accumulation over from the optimizers of a fit, one after the other.

    Args:
        optimizer: The first, which is built.

    Attributes:
        steps: Over how many batches to accumulate; 1 if not at all.
    """

    def __init__(self, optimizer: keras.optimizers.Optimizer) -> None:
        self._stack = contextlib.ExitStack()
        self.take_over(optimizer)

    def take_over(self, optimizer: keras.optimizers.Optimizer) -> None:
        """From this optimizer, which is built."""
        self.steps = self._stack.enter_context(accumulation_taken_over(optimizer))

    def close(self) -> None:
        """Gives it back to the optimizer that it was taken over from."""
        self._stack.close()


def change_phase(run: RunState, accumulation: Accumulation) -> None:
    """Changes a model as callbacks have asked for."""
    accumulation.close()
    apply_phases(run, run.requested_phases)
    run.phases, run.requested_phases = [*run.phases, *run.requested_phases], []
    accumulation.take_over(run.model.optimizer)


def apply_phases(run: RunState, phases: Iterable[dict[str, Any]]) -> None:
    """Changes the model of a run: one phase after the other.

    Raises:
        ConfigError: What trained before no longer would: the values that checkpoints
            share, of what is frozen, would be others.
    """
    for values in phases:
        before = changing_variables(run.model).keys()
        with run.strategy.scope():
            Phase(**values).apply(run.model)
        if not before <= changing_variables(run.model).keys():
            raise ConfigError(
                message("A phase must only unfreeze layers.", unfreeze=values["unfreeze"])
            )
        if run.averages is not None:
            run.averages.start()
        set_schedule_length(run.model.optimizer, run.steps_per_epoch, run.max_epochs)
