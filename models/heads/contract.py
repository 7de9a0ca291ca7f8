"""The interface of heads."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import keras

from .training_features import TrainingFeatures


class Head(ABC):
    """Keras layers that map the features of a frozen backbone to probabilities.

    Attributes:
        is_fitted: Whether `fit` computes all weights; otherwise the Trainer trains them.
    """

    is_fitted = False

    @abstractmethod
    def attach(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """Creates the layers.

        Args:
            features: Features, `(rows, features)`.

        Returns:
            Probabilities, `(rows, classes)` float32.

        Raises:
            ConfigError: The head would be too large.
        """

    @abstractmethod
    def parts(self) -> Sequence[str]:
        """Returns the parts of the head for the description of the model."""

    def fit(self, model: keras.Model, data: TrainingFeatures) -> str:
        """Computes the weights of this head in a model; in the strategy's scope.

        Args:
            model: The model with the layers of `attach`.
            data: The features of all training images.

        Returns:
            A line for the log that describes the chosen values.

        Raises:
            ConfigError: The head was created for other data.
        """
        raise NotImplementedError


def keep_from_training(layers: Sequence[keras.Layer]) -> None:
    """Excludes the weights of layers from training.

    The layers themselves are not frozen: frozen layers are stored once for all runs, but
    these weights differ from run to run.
    """
    for layer in layers:
        for variable in layer.weights:
            variable.trainable = False
