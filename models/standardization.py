"""Standardizes features with mean and variance of the training images."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from .variables import value_on_host

Floats = npt.NDArray[np.floating[Any]]

# Minimum variance, as a share of the mean variance: features that hardly vary on training
# images must not become large on others.
VARIANCE_FLOOR = 0.1


def standardization() -> keras.Layer:
    """Creates a layer that standardizes features; see `assign_measured`.

    A frozen BatchNormalization rather than Keras's Normalization, which keeps copies of its
    variables that restoring a checkpoint would not update. Its epsilon only prevents a
    division by zero, since features of untrained networks are very small.
    """
    return keras.layers.BatchNormalization(
        epsilon=1e-30, center=False, scale=False, trainable=False, name="standardize"
    )


def measure(features: Floats) -> tuple[Floats, Floats]:
    """Computes mean and variance `(features,)` of features `(images, features)`."""
    variance = features.var(axis=0)
    return features.mean(axis=0), np.maximum(variance, VARIANCE_FLOOR * variance.mean())


def assign_measured(layer: keras.layers.BatchNormalization, features: Floats) -> None:
    """Assigns mean and variance of features to the layer."""
    mean, variance = measure(features)
    layer.moving_mean.assign(mean)
    layer.moving_variance.assign(variance)


def standardized(layer: keras.layers.BatchNormalization, features: Floats) -> Floats:
    """Computes the output of the layer for features, with NumPy."""
    mean, variance = (np.array(value_on_host(each)) for each in layer.weights)
    return np.asarray((features - mean) / np.sqrt(variance + layer.epsilon))
