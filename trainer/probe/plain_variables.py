"""Finds `tf.Variable`s of layers that Keras does not track."""

from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from ...models.variables import all_layers


class PlainVariables:
    """Saves the values of such variables on each local replica.

    `keras.StatelessScope` does not prevent writes to them.

    Args:
        model: The model, whose layers may have such variables as attributes.
        strategy: The strategy in whose scope the model was built.

    Attributes:
        by_name: The variables, by the path of the layer and the name of the attribute.
    """

    def __init__(self, model: keras.Model, strategy: tf.distribute.Strategy) -> None:
        self.by_name = dict(_find_variables(model))
        self._kept = [
            (replica, replica.numpy())
            for variable in self.by_name.values()
            for replica in strategy.experimental_local_results(variable)
        ]

    def put_back(self) -> None:
        """Restores the values on all local replicas; in cross-replica context."""
        for replica, value in self._kept:
            replica.assign(value)


def _find_variables(model: keras.Model) -> Iterator[tuple[str, tf.Variable]]:
    for layer in (model, *all_layers(model)):
        for name, value in vars(layer).items():
            for number, each in enumerate(_items(value)):
                if isinstance(each, tf.Variable):
                    yield f"{layer.path}/{name}" + (f"/{number}" if number else ""), each


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else [value]
