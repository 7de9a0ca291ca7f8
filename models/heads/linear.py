"""A linear head, trained by gradient descent."""

import keras

from .contract import Head


class LinearHead(Head):
    """Dropout and a dense layer with softmax, or with sigmoid for multi-label outputs.

    Args:
        num_classes: Number of classes or labels.
        dropout: Rate of dropout.
        activation: Activation of the dense layer: `"softmax"` or `"sigmoid"`.
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
        """Returns the parts of the head."""
        return [f"Dropout {self._dropout}", f"Dense {self._num_classes}"]
