"""Loads the weights that `model.weights` names."""

from collections.abc import Sequence
from pathlib import Path

import keras

from ...configs.weights import KERAS_SUFFIXES, PYTORCH_SUFFIXES, find_weights
from ...core.errors import CheckpointError, ConfigError, message
from .keras_file import load_keras_file
from .run_weights import (
    assign_numbered,
    is_numbered,
    load_checkpoint,
    require_backbone,
)
from .safetensors_file import read_safetensors
from .stored_array import OtherNetworkError, StoredArrays, UnreadableWeightsError
from .torch_file import read_torch_file
from .torch_layout import TorchLayout, assign_torch_weights


def load_weights(
    network: keras.Model,
    path: Path,
    backbone: str,
    layouts: Sequence[TorchLayout] = (),
) -> None:
    """Loads weights of a file or checkpoint into a network without its head.

    Args:
        network: The network, built.
        path: The result of `find_weights`.
        backbone: Name of the network in `model.backbone`.
        layouts: Names of its layers in PyTorch files, if known.

    Raises:
        ConfigError: The weights can't be read, or belong to another network.
    """
    try:
        require_backbone(path, backbone)
        if path.is_dir():
            load_checkpoint(network, path)
        else:
            _load_file(network, path, layouts)
    except (UnreadableWeightsError, CheckpointError, OSError) as error:
        raise _error(
            "`model.weights` must name a readable file of weights and nothing else; "
            f"{error}.",
            _remedy(path),
            path,
        ) from None
    except (OtherNetworkError, ValueError) as error:
        raise _error(
            f"`model.weights` must belong to {backbone} without its head; "
            f"{str(error).splitlines()[0]}.",
            "Choose the model.backbone that they belong to.",
            path,
        ) from None


def version_of_weights(backbone: str, weights: str | None) -> object:
    """Returns a value that changes whenever the weights may have changed.

    Raises:
        ConfigError: The weights do not exist.
    """
    path = find_weights(backbone, weights)
    if path is None:
        return weights
    status = path.stat()
    return str(path.resolve()), status.st_ino, status.st_mtime_ns, status.st_size


def _load_file(network: keras.Model, file: Path, layouts: Sequence[TorchLayout]) -> None:
    if file.suffix in KERAS_SUFFIXES:
        load_keras_file(network, file)
        return
    is_torch = file.suffix in PYTORCH_SUFFIXES
    arrays = read_torch_file(file) if is_torch else read_safetensors(file)
    if not is_torch and is_numbered(arrays):
        assign_numbered(network, arrays)
    else:
        _load_torch(network, arrays, layouts)


def _load_torch(
    network: keras.Model, arrays: StoredArrays, layouts: Sequence[TorchLayout]
) -> None:
    if not layouts:
        raise OtherNetworkError(
            "the network is from Keras, but the weights are from PyTorch"
        )
    assign_torch_weights(network, layouts, arrays)


def _remedy(path: Path) -> str:
    if path.suffix in PYTORCH_SUFFIXES:
        return (
            "Nothing in it was run. At its origin, save it with "
            "torch.save(model.state_dict(), 'weights.pth')."
        )
    return "Download or copy them again."


def _error(expected: str, remedy: str, path: Path) -> ConfigError:
    return ConfigError(message(expected, remedy, **{"model.weights": str(path)}))
