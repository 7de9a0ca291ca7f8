"""Loads the weights that `model.weights` names."""

from collections.abc import Sequence
from pathlib import Path

import keras

from ...core.errors import ConfigError, message
from ...core.user_path import user_path
from .pickle_machine import UnsafePickleError
from .torch_file import read_torch_file
from .torch_layout import OtherNetworkError, TorchLayout, assign_torch_weights

TORCH_SUFFIXES = (".pth", ".pt")


def load_weights(
    network: keras.Model, weights: str, layouts: Sequence[TorchLayout] = ()
) -> None:
    """Gives a network without its head the weights of a file.

    Args:
        network: Is built.
        weights: Path of the file.
        layouts: What files of PyTorch call its layers, if it is known.

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
    if path.suffix in TORCH_SUFFIXES:
        _load_torch(network, path, layouts)
    else:
        _load_keras(network, path)


def _load_keras(network: keras.Model, path: Path) -> None:
    try:
        network.load_weights(path)
    except (ValueError, OSError, KeyError) as error:
        raise ConfigError(
            message(
                f"`model.weights` must fit {network.name} without its head ({error}).",
                "Files of Keras end in .weights.h5 or .h5, of PyTorch in .pth or .pt.",
                **{"model.weights": str(path)},
            )
        ) from None


def _load_torch(network: keras.Model, path: Path, layouts: Sequence[TorchLayout]) -> None:
    if not layouts:
        raise ConfigError(
            message(
                f"`model.weights` of {network.name} can't be a file of PyTorch.",
                "Take a file of Keras, or model.backbone=efficientnet_lite0.",
                **{"model.weights": str(path)},
            )
        )
    try:
        assign_torch_weights(network, layouts, read_torch_file(path))
    except UnsafePickleError as error:
        raise ConfigError(
            message(
                "`model.weights` must be a file of PyTorch that holds a state dict and "
                f"nothing else; {error}. Nothing in it was run.",
                "Where it comes from, write one with "
                "torch.save(model.state_dict(), 'weights.pth').",
                **{"model.weights": str(path)},
            )
        ) from None
    except OtherNetworkError as error:
        raise ConfigError(
            message(
                f"`model.weights` must be those of {network.name}; {error}.",
                "Choose the model.backbone that they belong to.",
                **{"model.weights": str(path)},
            )
        ) from None
