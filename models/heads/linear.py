"""A dense layer, trained by gradient."""

import keras

from .contract import Head


class LinearHead(Head):
    """Dropout, and a dense layer with softmax, or with sigmoid for several labels.

    Args:
        num_classes: How many classes or labels there are.
        dropout: Rate of dropout.
        activation: Of the dense layer: `"softmax"` or `"sigmoid"`.
    """

    def __init__(
        self, num_classes: int, dropout: float, activation: str = "softmax"
    ) -> None:
        self._num_classes = num_classes
        self._dropout = dropout
        self._activation = activation

    def attach(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """Creates the layers."""
        features = keras.layers.Dropout(self._dropout, name="dropout")(features)
        dense = keras.layers.Dense(
            self._num_classes, self._activation, name="probabilities", dtype="float32"
        )
        return dense(features)

    def parts(self) -> list[str]:
        """What it is made of."""
        return [f"Dropout {self._dropout}", f"Dense {self._num_classes}"]
