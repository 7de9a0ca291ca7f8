"""Learning rate schedules in epochs."""

from typing import Any

import keras
from keras.optimizers import schedules

from ..configs import validated
from ..configs.optimizer import ScheduleConfig
from ..core.errors import ConfigError, message

EXPONENTIAL_FACTOR, STEP_FACTOR = 0.9, 0.1


@keras.saving.register_keras_serializable(package="keraunos")
class EpochSchedule(schedules.LearningRateSchedule):
    """A schedule of Keras after a linear warm-up.

    The optimizer is created before the number of updates per epoch is known: the Trainer
    sets it with `set_length`.

    Args:
        learning_rate: The highest learning rate, at the end of the warm-up.
        kind: Name as in `optimizer.schedule.name`: `"cosine"`, `"step"`, ...
        updates_per_epoch: See `set_length`.
        total_epochs: See `set_length`.
        **options: The other settings of `optimizer.schedule`.

    Raises:
        ConfigError: There is no such schedule or option.

    Example:
        >>> schedule = EpochSchedule(0.1, "step", step_epochs=2)
        >>> schedule.set_length(updates_per_epoch=10, total_epochs=5)
        >>> [round(float(schedule(step)), 4) for step in (0, 19, 20, 40)]
        [0.1, 0.1, 0.01, 0.001]
    """

    def __init__(
        self,
        learning_rate: float,
        kind: str,
        *,
        updates_per_epoch: int | None = None,
        total_epochs: int | None = None,
        **options: Any,
    ) -> None:
        self.learning_rate = learning_rate
        self.config = validated(ScheduleConfig, "optimizer.schedule", name=kind, **options)
        self.updates_per_epoch = updates_per_epoch
        self.total_epochs = total_epochs

    def set_length(self, updates_per_epoch: int, total_epochs: int) -> None:
        """Sets the number of updates per epoch and the number of epochs.

        Raises:
            ConfigError: The warm-up is not shorter than the schedule.
        """
        self.updates_per_epoch = updates_per_epoch
        if self.config.name in ("cosine", "linear"):
            self.total_epochs = self.config.epochs or total_epochs
            if self.config.warmup_epochs >= self.total_epochs:
                raise ConfigError(
                    message(
                        "`optimizer.schedule.warmup_epochs` must be smaller than the "
                        "epochs of the schedule.",
                        warmup_epochs=self.config.warmup_epochs,
                        epochs=self.total_epochs,
                    )
                )

    def __call__(self, step: Any) -> Any:
        """Computes the learning rate of the update after `step` others."""
        if self.updates_per_epoch is None:
            raise RuntimeError("call set_length first")
        floatx = keras.config.floatx()
        step = keras.ops.cast(step, floatx)
        warmup = self.config.warmup_epochs * self.updates_per_epoch
        rate = self._after_warmup()(keras.ops.maximum(step - warmup, 0.0))
        risen = self.learning_rate * (step + 1) / max(warmup, 1)
        return keras.ops.where(step < warmup, risen, keras.ops.cast(rate, floatx))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, including the length."""
        options = self.config.model_dump()
        return {
            "learning_rate": self.learning_rate,
            "kind": options.pop("name"),
            "updates_per_epoch": self.updates_per_epoch,
            "total_epochs": self.total_epochs,
            **options,
        }

    def _after_warmup(self) -> Any:
        config, rate = self.config, self.learning_rate
        epoch = self.updates_per_epoch or 0
        length = ((self.total_epochs or 0) - config.warmup_epochs) * epoch
        match config.name:
            case "cosine":
                return schedules.CosineDecay(rate, length, alpha=config.final_factor)
            case "linear":
                end = rate * config.final_factor
                return schedules.PolynomialDecay(rate, length, end_learning_rate=end)
            case "exponential":
                factor = config.factor or EXPONENTIAL_FACTOR
                return schedules.ExponentialDecay(rate, epoch, factor)
            case "step":
                period, factor = config.step_epochs * epoch, config.factor or STEP_FACTOR
                return schedules.ExponentialDecay(rate, period, factor, staircase=True)
        return schedules.ExponentialDecay(rate, 1, 1.0)
