"""Sets the length of learning rate schedules."""

import keras

from ...core.errors import ConfigError, message
from ...models.optimizer import unwrapped
from ..contracts import TakesLength
from ..step.keras_internals import given_learning_rate


def set_schedule_length(
    optimizer: keras.optimizers.Optimizer, steps_per_epoch: int | None, epochs: int
) -> None:
    """Sets the length of an optimizer's schedule, if it is a schedule in epochs.

    Args:
        optimizer: The optimizer, before its accumulation is taken over.
        steps_per_epoch: Batches per epoch, or None if unknown.
        epochs: Number of epochs of the fit.

    Raises:
        ConfigError: The schedule needs its length, but `steps_per_epoch` is unknown.
    """
    schedule = given_learning_rate(optimizer)
    if not isinstance(schedule, TakesLength):
        return
    if steps_per_epoch is None:
        raise ConfigError(
            message(
                "The number of batches per epoch must be known for a learning rate "
                "schedule.",
                "Set trainer.limit_train_batches to it.",
                limit_train_batches=None,
            )
        )
    accumulated = unwrapped(optimizer).gradient_accumulation_steps or 1
    schedule.set_length(-(-steps_per_epoch // accumulated), epochs)
