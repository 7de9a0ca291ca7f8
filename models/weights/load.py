"""Loads the weights that `model.weights` names."""

from collections.abc import Sequence
from pathlib import Path

import keras

from ...core.errors import CheckpointError, ConfigError, message
from ...core.user_path import user_path
from .keras_file import load_keras_file
from .run_weights import (
    assign_numbered,
    best_of_run,
    is_numbered,
    load_checkpoint,
    require_backbone,
)
from .safetensors_file import read_safetensors
from .stored_array import OtherNetworkError, StoredArrays, UnreadableWeightsError
from .torch_file import read_torch_file
from .torch_layout import TorchLayout, assign_torch_weights

_KERAS = (".h5", ".keras")
_TORCH = (".pth", ".pt")
_SAFETENSORS = ".safetensors"
_KINDS = (
    "imagenet, null, the directory of a run, or a file .weights.h5, .keras, .safetensors, "
    ".pth or .pt"
)


def load_weights(
    network: keras.Model,
    weights: str,
    backbone: str,
    layouts: Sequence[TorchLayout] = (),
) -> None:
    """Gives a network without its head the weights of a file or of a run.

    Args:
        network: Is built.
        weights: Path of the file, or of the run's directory.
        backbone: What `model.backbone` calls the network.
        layouts: What files of PyTorch call its layers, if it is known.

    Raises:
        ConfigError: There are none, they can't be read, or they do not fit.
    """
    path = weights_path(weights)
    try:
        require_backbone(path, backbone)
        if path.is_dir():
            load_checkpoint(network, path)
        else:
            _load_file(network, path, layouts)
    except (UnreadableWeightsError, CheckpointError, OSError) as error:
        raise _error(
            "`model.weights` must name weights that can be read, with nothing else among "
            f"them; {error}.",
            _remedy(path),
            weights,
        ) from None
    except (OtherNetworkError, ValueError) as error:
        raise _error(
            f"`model.weights` must be those of {backbone} without its head; "
            f"{str(error).splitlines()[0]}.",
            "Choose the model.backbone that they belong to.",
            weights,
        ) from None


def version_of_weights(weights: str | None) -> object:
    """What differs whenever the weights that are read may differ.

    Raises:
        ConfigError: There are none.
    """
    if weights in (None, "imagenet"):
        return weights
    path = weights_path(weights).resolve()
    status = path.stat()
    return str(path), status.st_ino, status.st_mtime_ns, status.st_size


def weights_path(weights: str) -> Path:
    """The file that is read, or the checkpoint: of a run its best.

    Raises:
        ConfigError: There is none, or it is of no known kind.
    """
    path = user_path(weights)
    if path.is_dir():
        best = best_of_run(path)
        if best is not None:
            return best
        remedy = "That directory has neither a model.keras nor checkpoints."
    elif not path.is_file():
        remedy = "There is no such file. Is the path right, seen from the current folder?"
    elif path.suffix in (*_KERAS, *_TORCH, _SAFETENSORS):
        return path
    else:
        remedy = "The end of its name says what is in a file."
    raise _error(f"`model.weights` must be {_KINDS}.", remedy, weights)


def _load_file(network: keras.Model, file: Path, layouts: Sequence[TorchLayout]) -> None:
    if file.suffix in _KERAS:
        load_keras_file(network, file)
        return
    is_torch = file.suffix in _TORCH
    arrays = read_torch_file(file) if is_torch else read_safetensors(file)
    if not is_torch and is_numbered(arrays):
        assign_numbered(network, arrays)
    else:
        _load_torch(network, arrays, layouts)


def _load_torch(
    network: keras.Model, arrays: StoredArrays, layouts: Sequence[TorchLayout]
) -> None:
    if not layouts:
        raise OtherNetworkError("it is a network of Keras, and they are of PyTorch")
    assign_torch_weights(network, layouts, arrays)


def _remedy(path: Path) -> str:
    if path.suffix in _TORCH:
        return (
            "Nothing in it was run. Where it comes from, write "
            "torch.save(model.state_dict(), 'weights.pth')."
        )
    return "Get them once more from where they come."


def _error(expected: str, remedy: str, weights: str) -> ConfigError:
    return ConfigError(message(expected, remedy, **{"model.weights": weights}))
