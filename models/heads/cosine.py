"""A head that classifies by cosine similarity, trained by gradient descent."""

import keras

from .contract import Head

FIRST_SCALE = 10.0


class CosineHead(Head):
    """Softmax of `scale * cos(features, class vector)`, after dropout.

    Gidaris and Komodakis, Dynamic Few-Shot Visual Learning without Forgetting, 2018, learn
    the scale, starting with 10; Wang et al., CosFace, 2018, fix it. Class vectors are
    initially orthogonal, and have norm 1 after each step.

    Args:
        num_classes: The number of classes.
        dropout: Rate of dropout.
        temperature: One divided by the scale; None learns it.
    """

    def __init__(self, num_classes: int, dropout: float, temperature: float | None) -> None:
        self._num_classes = num_classes
        self._dropout = dropout
        self._temperature = temperature

    def attach(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """Creates the layers."""
        layers = keras.layers
        features = layers.Dropout(self._dropout, name="dropout")(features)
        features = layers.UnitNormalization(name="unit_features", dtype="float32")(features)
        cosines = layers.Dense(
            self._num_classes,
            use_bias=False,
            kernel_initializer="orthogonal",
            kernel_constraint=keras.constraints.UnitNorm(axis=0),
            name="cosines",
            dtype="float32",
        )(features)
        scaled = self._scaled(cosines)
        return layers.Softmax(name="probabilities", dtype="float32")(scaled)

    def _scaled(self, cosines: keras.KerasTensor) -> keras.KerasTensor:
        layers = keras.layers
        scale = FIRST_SCALE if self._temperature is None else 1 / self._temperature
        scaled = layers.Rescaling(scale, name="scale", dtype="float32")(cosines)
        if self._temperature is not None:
            return scaled
        # A dense layer with one weight, which is trained: Keras has no scalar layer.
        column = layers.Reshape((self._num_classes, 1), name="column")(scaled)
        factor = layers.Dense(
            1,
            use_bias=False,
            kernel_initializer="ones",
            kernel_constraint="non_neg",
            name="scale_factor",
            dtype="float32",
        )(column)
        return layers.Reshape((self._num_classes,), name="logits")(factor)

    def parts(self) -> list[str]:
        """Returns the parts of the head."""
        scale = "learned scale"
        if self._temperature is not None:
            scale = f"temperature {self._temperature:g}"
        return [f"Dropout {self._dropout}", f"Cosine {self._num_classes} ({scale})"]
