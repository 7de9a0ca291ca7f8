"""A softmax layer, trained by gradient."""

import keras

from .contract import Head


class LinearHead(Head):
    """Dropout, and a dense layer with softmax.

    Args:
        num_classes: How many classes there are.
        dropout: Rate of dropout.
    """

    def __init__(self, num_classes: int, dropout: float) -> None:
        self._num_classes = num_classes
        self._dropout = dropout

    def attach(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """Makes the layers."""
        features = keras.layers.Dropout(self._dropout, name="dropout")(features)
        dense = keras.layers.Dense(
            self._num_classes, "softmax", name="probabilities", dtype="float32"
        )
        return dense(features)

    def parts(self) -> list[str]:
        """What it is made of."""
        return [f"Dropout {self._dropout}", f"Dense {self._num_classes}"]
