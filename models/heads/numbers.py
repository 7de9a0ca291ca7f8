"""A head for regression: a dense layer with rescaled outputs."""

from collections.abc import Sequence

import keras

from .contract import Head


class NumberHead(Head):
    """Dropout, a dense layer, and rescaling to the units of the numbers.

    The dense layer predicts standardized numbers, so that training does not depend on the
    units of the numbers.

    Args:
        means: Mean of each number over the training images.
        deviations: Standard deviation of each number.
        dropout: Rate of dropout.
    """

    def __init__(
        self, means: Sequence[float], deviations: Sequence[float], dropout: float
    ) -> None:
        self._means, self._deviations = list(means), list(deviations)
        self._dropout = dropout

    def attach(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """Creates the layers; they return `(rows, numbers)` float32."""
        layers, count = keras.layers, len(self._means)
        features = layers.Dropout(self._dropout, name="dropout")(features)
        scaled = layers.Dense(count, name="scaled_numbers", dtype="float32")(features)
        return layers.Rescaling(
            self._deviations, self._means, name="numbers", dtype="float32"
        )(scaled)

    def parts(self) -> list[str]:
        """Returns the parts of the head."""
        return [f"Dropout {self._dropout}", f"Dense {len(self._means)} (numbers)"]
