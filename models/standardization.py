"""Gives features mean 0 and variance 1, as measured on training images."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from .variables import value_on_host

Floats = npt.NDArray[np.floating[Any]]

# Features that hardly vary on the training images must not blow up on others: none is
# divided by less than the root of this part of the mean variance.
VARIANCE_FLOOR = 0.1


def standardization() -> keras.Layer:
    """A layer that subtracts a mean and divides by a deviation, both to be measured.

    A frozen BatchNormalization rather than Keras's Normalization, which keeps copies of
    its variables that restoring a checkpoint would not renew. Its epsilon only keeps
    from dividing by zero: networks that were not trained give very small features.
    """
    return keras.layers.BatchNormalization(
        epsilon=1e-30, center=False, scale=False, trainable=False, name="standardize"
    )


def measure(features: Floats) -> tuple[Floats, Floats]:
    """Mean and variance `(features,)` of features `(images, features)`."""
    variance = features.var(axis=0)
    return features.mean(axis=0), np.maximum(variance, VARIANCE_FLOOR * variance.mean())


def assign_measured(layer: keras.layers.BatchNormalization, features: Floats) -> None:
    """Gives the layer mean and variance of features."""
    mean, variance = measure(features)
    layer.moving_mean.assign(mean)
    layer.moving_variance.assign(variance)


def standardized(layer: keras.layers.BatchNormalization, features: Floats) -> Floats:
    """What the layer makes of features."""
    mean, variance = (np.array(value_on_host(each)) for each in layer.weights)
    return np.asarray((features - mean) / np.sqrt(variance + layer.epsilon))
