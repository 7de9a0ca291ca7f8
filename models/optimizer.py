"""Keras optimizers by name."""

from typing import Any, Unpack

import keras

from ..configs import OptimizerConfig, validated
from ..configs.choices import OptimizerName
from ..configs.optimizer import LAYERWISE_OPTIONS
from ..configs.options import OptimizerOptions
from ..core.errors import ConfigError
from ..core.names import choose
from .layerwise import LAYERWISE, Layerwise
from .schedule import EpochSchedule


class Optimizer:
    """The settings of a Keras optimizer, which is created with the model.

    Args:
        name: Name as in YAML: `"adam"`, `"sgd"`, `"adamw"`, ...
        **options: `learning_rate`; `schedule`, such as `{"name": "cosine",
            "warmup_epochs": 1}`; `layer_decay` and `exclude_from_weight_decay`, which
            create a `Layerwise` optimizer; and other arguments of the Keras optimizer,
            such as `momentum`, `weight_decay`, `global_clipnorm` or
            `gradient_accumulation_steps`. See `docs/settings.md`.

    Raises:
        ConfigError: There is no such optimizer or option.

    Example:
        >>> Optimizer("sgd", learning_rate=0.1, momentum=0.9).build().momentum
        0.9
    """

    def __init__(
        self, name: OptimizerName = "adam", **options: Unpack[OptimizerOptions]
    ) -> None:
        self.config = validated(OptimizerConfig, "optimizer", name=name, **options)

    def build(self) -> keras.optimizers.Optimizer:
        """Creates the optimizer.

        Raises:
            ConfigError: Keras rejects the value of an option.
        """
        arguments = self.config.model_dump()
        name = arguments.pop("name")
        of_layers = {each: arguments.pop(each) for each in LAYERWISE_OPTIONS}
        del arguments["schedule"]
        if self.config.schedule is not None:
            options = self.config.schedule.model_dump()
            arguments["learning_rate"] = EpochSchedule(
                self.config.learning_rate, options.pop("name"), **options
            )
        kind: Any = optimizer_class(name)
        if self.config.is_layerwise:
            kind, arguments = LAYERWISE[kind], arguments | of_layers
        try:
            return kind(**arguments)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"`optimizer` is rejected by Keras: {error}") from None


def optimizer_class(name: str) -> type[keras.optimizers.Optimizer]:
    """Returns Keras's optimizer class for a lowercase name.

    Raises:
        ConfigError: There is no such optimizer.
    """
    classes = {key.lower(): getattr(keras.optimizers, key) for key in dir(keras.optimizers)}
    return choose("optimizer.name", name, classes)


def unwrapped(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Returns the optimizer inside a `LossScaleOptimizer`, or the optimizer itself."""
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return optimizer.inner_optimizer
    return optimizer


def build_optimizer_of(model: keras.Model) -> None:
    """Builds a model's optimizer for its trainable variables.

    Raises:
        ConfigError: The optimizer has settings per layer, and the order of layers is
            unknown.
    """
    inner = unwrapped(model.optimizer)
    if isinstance(inner, Layerwise):
        inner.adapt(model)
    model.optimizer.build(model.trainable_variables)
