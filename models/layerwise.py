"""Keras's optimizers with settings per layer.

Each is a subclass of Keras's optimizer with the same name, registered as `keraunos>Adam`
and so on.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import keras

from ..configs.choices import WeightDecayExclusion
from ..configs.optimizer import optimizer_names
from ..core.errors import ConfigError, message
from .layer_decay import rate_multipliers
from .weight_decay import spared_variables


class Layerwise(keras.optimizers.Optimizer):
    """Adds learning rate multipliers and weight decay exclusions to Keras's optimizers.

    After gradients are clipped, the learning rate of each variable is multiplied by its
    multiplier, both in the update and in weight decay.

    Args:
        layer_decay: See `rate_multipliers`; None for the same learning rate everywhere.
        exclude_from_weight_decay: See `spared_variables`.
        multipliers: Multiplier of each variable; set by `adapt`.
        spared: Whether each variable is excluded from weight decay; set by `adapt`.
        **options: Arguments of Keras's optimizer.
    """

    weight_decay: float | None

    def __init__(
        self,
        *,
        layer_decay: float | None = None,
        exclude_from_weight_decay: WeightDecayExclusion = "none",
        multipliers: Sequence[float] | None = None,
        spared: Sequence[bool] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.layer_decay = layer_decay
        self.exclusion: WeightDecayExclusion = exclude_from_weight_decay
        self.multipliers = None if multipliers is None else tuple(multipliers)
        self.spared = None if spared is None else tuple(spared)

    def adapt(self, model: keras.Model) -> None:
        """Computes the settings of a model's trainable variables. Call before `build`.

        Raises:
            ConfigError: The order of the layers is unknown.
        """
        self.multipliers = tuple(rate_multipliers(model, self.layer_decay or 1.0))
        self.spared = tuple(spared_variables(model, self.exclusion))

    def build(self, variables: list[keras.Variable]) -> None:
        """Creates the optimizer's variables.

        Raises:
            ConfigError: `adapt` was not called with the model of these variables.
        """
        multipliers, spared = self.multipliers or (), self.spared or ()
        if not len(multipliers) == len(spared) == len(variables):
            raise ConfigError(
                message(
                    "An optimizer with `layer_decay` or `exclude_from_weight_decay` must "
                    "know the model it trains before its first step.",
                    "Train with keraunos.Trainer, and start a sequential model with an "
                    "Input.",
                    optimizer=self.name,
                )
            )
        pairs = zip(variables, spared, strict=True)
        self.exclude_from_weight_decay([each for each, is_spared in pairs if is_spared])
        super().build(variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Updates a variable with its own learning rate."""
        multiplier = self._multiplier(variable)
        if multiplier != 1.0:
            learning_rate = keras.ops.multiply(learning_rate, multiplier)
        super().update_step(gradient, variable, learning_rate)

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        """Applies weight decay with the learning rate of each variable."""
        weight_decay = self.weight_decay
        if weight_decay is None:
            return
        groups = defaultdict(list)
        for variable in variables:
            groups[self._multiplier(variable)].append(variable)
        try:
            for multiplier, group in groups.items():
                self.weight_decay = weight_decay * multiplier
                super()._apply_weight_decay(group)
        finally:
            self.weight_decay = weight_decay

    def _multiplier(self, variable: Any) -> float:
        multipliers = self.multipliers or ()
        return multipliers[self._get_variable_index(variable)]

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration to recreate the optimizer for the same variables."""
        return super().get_config() | {
            "layer_decay": self.layer_decay,
            "exclude_from_weight_decay": self.exclusion,
            "multipliers": self.multipliers and list(self.multipliers),
            "spared": self.spared and list(self.spared),
        }


def _keras_optimizers() -> dict[str, type[keras.optimizers.Optimizer]]:
    names = {name.lower(): name for name in dir(keras.optimizers)}
    found = (names[name] for name in optimizer_names())
    return {name: getattr(keras.optimizers, name) for name in found}


def _layerwise(name: str, of_keras: type[keras.optimizers.Optimizer]) -> type[Layerwise]:
    made = type(name, (Layerwise, of_keras), {"__module__": __name__})
    register = keras.saving.register_keras_serializable(package="keraunos", name=name)
    return register(made)


# At import, so that a compiled model can be loaded once Keraunos is imported.
LAYERWISE = {each: _layerwise(name, each) for name, each in _keras_optimizers().items()}
