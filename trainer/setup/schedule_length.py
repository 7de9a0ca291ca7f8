"""Tells a schedule of the learning rate how long epochs and the fit are."""

import keras

from ...core.errors import ConfigError, message
from ...models.optimizer import unwrapped
from ..contracts import TakesLength
from ..step.keras_internals import given_learning_rate


def set_schedule_length(
    optimizer: keras.optimizers.Optimizer, steps_per_epoch: int | None, epochs: int
) -> None:
    """Tells an optimizer's schedule its length, if it has one that wants to know.

    Args:
        optimizer: Of which accumulation is not taken over yet.
        steps_per_epoch: Batches per epoch, or None if not known.
        epochs: Of the whole fit.

    Raises:
        ConfigError: It wants to know, and that is not known.
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
