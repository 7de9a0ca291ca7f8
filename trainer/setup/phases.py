"""Switches a fit to its next phase, with other trainable variables and a new optimizer."""

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
    """Takes over gradient accumulation from the current optimizer of a fit.

    Args:
        optimizer: The first optimizer, built.

    Attributes:
        steps: Number of batches over which to accumulate; 1 without accumulation.
    """

    def __init__(self, optimizer: keras.optimizers.Optimizer) -> None:
        self._stack = contextlib.ExitStack()
        self.take_over(optimizer)

    def take_over(self, optimizer: keras.optimizers.Optimizer) -> None:
        """Takes over accumulation from another optimizer, which must be built."""
        self.steps = self._stack.enter_context(accumulation_taken_over(optimizer))

    def close(self) -> None:
        """Restores the accumulation of the optimizers."""
        self._stack.close()


def change_phase(run: RunState, accumulation: Accumulation) -> None:
    """Applies the phases that callbacks have requested."""
    accumulation.close()
    apply_phases(run, run.requested_phases)
    run.phases, run.requested_phases = [*run.phases, *run.requested_phases], []
    accumulation.take_over(run.model.optimizer)


def apply_phases(run: RunState, phases: Iterable[dict[str, Any]]) -> None:
    """Applies phases to the model of a run, one after the other.

    Raises:
        ConfigError: A phase would freeze layers. Frozen variables are stored once for all
            checkpoints, so they must not have changed.
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
