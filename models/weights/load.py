"""Loads the weights that `model.weights` names."""

from collections.abc import Sequence
from pathlib import Path

import keras

from ...core.errors import ConfigError, message
from ...core.user_path import user_path
from .safetensors_file import read_safetensors
from .stored_array import OtherNetworkError, StoredArrays, UnreadableWeightsError
from .torch_file import read_torch_file
from .torch_layout import TorchLayout, assign_torch_weights

_TORCH = (".pth", ".pt")
_SAFETENSORS = (".safetensors",)
_STATE_DICT = "Where it comes from, write torch.save(model.state_dict(), 'weights.pth')."


def load_weights(
    network: keras.Model, weights: str, layouts: Sequence[TorchLayout] = ()
) -> None:
    """Gives a network without its head the weights of a file.

    Args:
        network: Is built.
        weights: Path of the file.
        layouts: What files of PyTorch call its layers, if it is known.

    Raises:
        ConfigError: There is no such file, it can't be read, or it does not fit.
    """
    path = user_path(weights)
    if not path.is_file():
        raise _error(
            "`model.weights` must be imagenet, null or a file of weights.",
            "There is no such file.",
            path,
        )
    try:
        _load(network, path, layouts)
    except UnreadableWeightsError as error:
        raise _error(
            f"`model.weights` must be a file that holds weights and nothing else; {error}. "
            "Nothing in it was run.",
            _STATE_DICT if path.suffix in _TORCH else "Get the file once more.",
            path,
        ) from None
    except OtherNetworkError as error:
        raise _error(
            f"`model.weights` must fit {network.name} without its head; {error}.",
            "Choose the model.backbone that they belong to.",
            path,
        ) from None
    except (ValueError, OSError, KeyError) as error:
        raise _error(
            f"`model.weights` must fit {network.name} without its head ({error}).",
            "Files of Keras end in .weights.h5 or .h5, of PyTorch in .pth or .pt.",
            path,
        ) from None


def _load(network: keras.Model, path: Path, layouts: Sequence[TorchLayout]) -> None:
    if path.suffix in _TORCH:
        _load_torch(network, read_torch_file(path), layouts)
    elif path.suffix in _SAFETENSORS:
        _load_torch(network, read_safetensors(path), layouts)
    else:
        network.load_weights(path)


def _load_torch(
    network: keras.Model, arrays: StoredArrays, layouts: Sequence[TorchLayout]
) -> None:
    if not layouts:
        raise OtherNetworkError("it is a network of Keras, and the file of one of PyTorch")
    assign_torch_weights(network, layouts, arrays)


def _error(expected: str, remedy: str, path: Path) -> ConfigError:
    return ConfigError(message(expected, remedy, **{"model.weights": str(path)}))
