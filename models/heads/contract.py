"""What a head is: from the pooled features of a backbone to probabilities."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import keras

from .training_features import TrainingFeatures


class Head(ABC):
    """The layers behind the features of a frozen backbone, all of them stock Keras.

    Attributes:
        is_fitted: Whether `fit` finds all weights. Else the Trainer trains them.
    """

    is_fitted = False

    @abstractmethod
    def attach(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """Creates the layers.

        Args:
            features: `(rows, features)`.

        Returns:
            `(rows, classes)` float32 probabilities.

        Raises:
            ConfigError: The head would be larger than it may be.
        """

    @abstractmethod
    def parts(self) -> Sequence[str]:
        """What it is made of, for the line that describes the model."""

    def fit(self, model: keras.Model, data: TrainingFeatures) -> str:
        """Finds the weights of a model that ends with this head, in the strategy's scope.

        Args:
            model: Has the layers that `attach` made.
            data: What `attach` was given, for all training images.

        Returns:
            What was chosen, as a line for people.

        Raises:
            ConfigError: The head was made for other data.
        """
        raise NotImplementedError


def keep_from_training(layers: Sequence[keras.Layer]) -> None:
    """Excludes the weights of layers from training.

    The layers themselves stay as they are: what is frozen is kept once for all runs, and
    these weights differ from run to run.
    """
    for layer in layers:
        for variable in layer.weights:
            variable.trainable = False
