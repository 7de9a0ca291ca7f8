"""Ridge regression on features, in closed form."""

import keras

from .contract import Head, keep_from_training
from .training_features import TrainingFeatures


class RidgeHead(Head):
    """A dense layer with softmax and the weights of `fit_ridge`.

    Args:
        num_classes: The number of classes.
        l2: The penalty, as a multiple of the mean variance of features; None chooses it by
            the log loss of left-out training images.
    """

    is_fitted = True

    def __init__(self, num_classes: int, l2: float | None) -> None:
        self._num_classes = num_classes
        self._l2 = l2

    def attach(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """Creates the layers."""
        dense = keras.layers.Dense(
            self._num_classes,
            "softmax",
            kernel_initializer="zeros",
            name="probabilities",
            dtype="float32",
        )
        probabilities = dense(features)
        keep_from_training([dense])
        return probabilities

    def parts(self) -> list[str]:
        """Returns the parts of the head."""
        l2 = "chosen L2" if self._l2 is None else f"L2 {self._l2:g}"
        return [f"Ridge {self._num_classes} ({l2})"]

    def fit(self, model: keras.Model, data: TrainingFeatures) -> str:
        """Computes the weights, the penalty and the scale."""
        from .ridge_regression import fit_ridge  # loads SciPy

        ridge = fit_ridge(data, self._l2)
        dense = model.get_layer("probabilities")
        dense.kernel.assign(ridge.kernel)
        dense.bias.assign(ridge.bias)
        return f"ridge: L2 {ridge.l2:g}, log loss {ridge.log_loss:.4f} of left-out images"
