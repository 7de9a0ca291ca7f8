"""Unfreezes layers during a fit, described by values that checkpoints can store."""

from dataclasses import dataclass
from typing import Any

import keras

from .graph_units import blocks_of
from .optimizer import build_optimizer_of
from .schedule import EpochSchedule
from .variables import all_layers


@dataclass(frozen=True)
class Phase:
    """The changes at the start of a phase, as JSON values.

    Attributes:
        unfreeze: Indices in `ordered_layers` of the layers to unfreeze.
        learning_rate: Learning rate of the new optimizer; other settings are kept.
        schedule: Learning rate schedule, as `optimizer.schedule` in YAML, or None.
        train_batch_norm: Whether to train BatchNorm among these layers as well; otherwise
            it stays in inference mode.
    """

    unfreeze: list[int]
    learning_rate: float
    schedule: dict[str, Any] | None = None
    train_batch_norm: bool = False

    def apply(self, model: keras.Model) -> None:
        """Unfreezes the layers and creates a new optimizer; in the strategy's scope.

        The old optimizer has no variables for the unfrozen layers.
        """
        layers = ordered_layers(model)
        _unfreeze(model, [layers[place] for place in self.unfreeze], self.train_batch_norm)
        model.optimizer = _recreate(model.optimizer, self._learning_rate())
        build_optimizer_of(model)

    def _learning_rate(self) -> float | EpochSchedule:
        if self.schedule is None:
            return self.learning_rate
        options = dict(self.schedule)
        return EpochSchedule(self.learning_rate, options.pop("name"), **options)


def ordered_layers(model: keras.Model) -> list[keras.Layer]:
    """Returns the layers of a model in order.

    Nested models, and layers that are stacks of blocks, are replaced by their layers.
    """
    return [each for layer in model.layers for each in _expand(layer)]


def _expand(layer: keras.Layer) -> list[keras.Layer]:
    if isinstance(layer, keras.Model):
        return ordered_layers(layer)
    blocks = blocks_of(layer)
    return [each for block in blocks for each in _expand(block)] or [layer]


def _unfreeze(
    model: keras.Model, wanted: list[keras.Layer], train_batch_norm: bool
) -> None:
    """Makes layers and their enclosing layers trainable; keeps all others unchanged."""
    open_ids = {id(each) for layer in wanted for each in (layer, *all_layers(layer))}
    open_ids |= {
        id(layer)
        for layer in all_layers(model)
        if open_ids & {id(each) for each in all_layers(layer)}
    }
    before = [(layer, layer.trainable) for layer in all_layers(model)]
    for layer, was_trainable in before:  # outer layers first: they also set inner ones
        is_held = (
            isinstance(layer, keras.layers.BatchNormalization) and not train_batch_norm
        )
        layer.trainable = was_trainable or (id(layer) in open_ids and not is_held)


def _recreate(
    optimizer: keras.optimizers.Optimizer, learning_rate: float | EpochSchedule
) -> keras.optimizers.Optimizer:
    """Creates a new optimizer with the same settings but another learning rate."""
    config = optimizer.get_config()
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        config["inner_optimizer"] = _recreate(optimizer.inner_optimizer, learning_rate)
        return keras.optimizers.LossScaleOptimizer(**config)
    return type(optimizer).from_config(config | {"learning_rate": learning_rate})
