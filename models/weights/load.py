"""Loads the weights that `model.weights` names."""

import keras

from ...core.errors import ConfigError, message
from ...core.user_path import user_path


def load_weights(network: keras.Model, weights: str) -> None:
    """Gives a network without its head the weights of a file.

    Args:
        network: Is built.
        weights: Path of the file.

    Raises:
        ConfigError: There is no such file, or it does not fit.
    """
    path = user_path(weights)
    if not path.is_file():
        raise ConfigError(
            message(
                "`model.weights` must be imagenet, null or a file of weights.",
                "There is no such file.",
                **{"model.weights": str(path)},
            )
        )
    try:
        network.load_weights(path)
    except (ValueError, OSError, KeyError) as error:
        raise ConfigError(
            message(
                f"`model.weights` must fit {network.name} without its head ({error}).",
                "Files of Keras end in .weights.h5 or .h5.",
                **{"model.weights": str(path)},
            )
        ) from None
