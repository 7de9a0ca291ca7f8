"""A k-nearest-neighbors head, which stores the features of training images."""

import keras

from ...core.errors import ConfigError, message
from ...core.suggestion import Suggestion
from .contract import Head, keep_from_training
from .nearest_neighbors import fit_neighbors
from .training_features import TrainingFeatures

MAX_FLOATS = 100_000_000  # stored features: 400 MB in each model file and export


class KnnHead(Head):
    """The votes of `nearest_neighbors.Neighbors` as a graph of Keras layers.

    All fitted values are weights, so that a checkpoint restores them: stored features are
    divided by the temperature, and the prior votes of the classes are a bias.

    Args:
        num_classes: The number of classes.
        num_examples: Number of training images to store, counting each version of an image.
        neighbors: Number of neighbors that vote.
        temperature: Divisor of cosines; None chooses it by the log loss of left-out
            training images.

    Raises:
        ConfigError: The number of examples is unknown, or not above `neighbors`.
    """

    is_fitted = True

    def __init__(
        self,
        num_classes: int,
        num_examples: int | None,
        neighbors: int,
        temperature: float | None,
    ) -> None:
        if num_examples is None:
            raise ConfigError(
                message(
                    "The head knn stores the features of all training images and needs "
                    "their number.",
                    "Pass num_examples=data.train.num_examples, times augmentation.views.",
                    num_examples=None,
                )
            )
        if neighbors >= num_examples:
            raise ConfigError(
                message(
                    "`model.neighbors` must be smaller than the number of training images.",
                    neighbors=neighbors,
                    num_examples=num_examples,
                ),
                Suggestion("Try", {"model.head": "ridge"}, "."),
            )
        self._num_classes = num_classes
        self._num_examples = num_examples
        self._neighbors = neighbors
        self._temperature = temperature

    def attach(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """Creates the layers."""
        layers, ops = keras.layers, keras.ops
        self._check_size(int(features.shape[-1]))
        features = layers.UnitNormalization(name="unit_features", dtype="float32")(features)
        stored = layers.Dense(
            self._num_examples,
            use_bias=False,
            kernel_initializer="zeros",
            name="similarities",
            dtype="float32",
        )
        similarities = stored(features)
        nearest = ops.top_k(similarities, self._neighbors + 1)[0]
        highest = ops.max(nearest, axis=-1, keepdims=True)
        last = ops.min(nearest, axis=-1, keepdims=True)
        weights = ops.exp(similarities - highest) - ops.exp(last - highest)
        votes = layers.Dense(
            self._num_classes,
            kernel_initializer="zeros",
            bias_initializer="ones",
            name="votes",
            dtype="float32",
        )
        counted = votes(layers.ReLU(name="weights", dtype="float32")(weights))
        keep_from_training([stored, votes])
        shares = counted / ops.sum(counted, axis=-1, keepdims=True)
        return layers.Identity(name="probabilities", dtype="float32")(shares)

    def _check_size(self, num_features: int) -> None:
        floats = num_features * self._num_examples
        if floats > MAX_FLOATS:
            raise ConfigError(
                message(
                    f"The head knn stores at most {MAX_FLOATS:,} numbers for all training "
                    "images together.",
                    "Use the head ridge or linear, fewer augmentation.views, or a "
                    "backbone of fewer features.",
                    num_examples=self._num_examples,
                    features=num_features,
                    numbers=floats,
                )
            )

    def parts(self) -> list[str]:
        """Returns the parts of the head."""
        return [f"{self._neighbors} nearest of {self._num_examples:,} training images"]

    def fit(self, model: keras.Model, data: TrainingFeatures) -> str:
        """Stores the features and chooses temperature and prior votes."""
        if len(data.labels) != self._num_examples:
            raise ConfigError(
                message(
                    "`num_examples` must be the number of training images, counting each "
                    "version of an image.",
                    num_examples=self._num_examples,
                    images=len(data.labels),
                )
            )
        found = fit_neighbors(data, self._neighbors, self._temperature)
        stored, votes = model.get_layer("similarities"), model.get_layer("votes")
        stored.kernel.assign(found.vectors.T / found.temperature)
        votes.kernel.assign(found.votes)
        votes.bias.assign(found.prior)
        return (
            f"knn: temperature {found.temperature:g}, log loss {found.log_loss:.4f} of "
            "left-out images"
        )
