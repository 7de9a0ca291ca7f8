"""What Keras states about its networks: writes configs/networks.json.

Run `python tests/keras_networks.py` in a clone where a new Keras has other networks;
tests/models/backbones/test_keras_applications.py fails until that is done.
"""

import inspect
import json
from pathlib import Path
from typing import Any
from unittest import mock

import keras
from keras.src.applications import imagenet_utils
from keras.src.utils import file_utils
from keraunos.configs.backbone import networks
from keraunos.models.backbones import torch_networks
from keraunos.models.stages import find_stages

FILE = Path(__file__).parents[1] / "configs" / "networks.json"
_SIZES = "obtain_input_shape"
MOBILE_NET_V3 = {"default_size": 224, "min_size": 32}  # does not ask for its size


def names() -> list[str]:
    """The constructors of networks in keras.applications, sorted."""
    found = vars(keras.applications).items()
    return sorted(name for name, value in found if inspect.isfunction(value))


def families() -> dict[str, int]:
    """The smallest network of each family, and the size of images to try it with."""
    modules = {name: getattr(keras.applications, name).__module__ for name in names()}
    ordered = sorted(modules, key=lambda name: -networks()[name].parameters)
    smallest = {modules[name]: name for name in ordered}.values()
    return {name: 2 * networks()[name].smallest_image_size for name in smallest}


def usual_shape(_: Any, default_size: int, **options: Any) -> tuple[int, int, int]:
    """The default size in place of any: otherwise not all stages show (NASNetLarge)."""
    return default_size, default_size, 3


def facts(name: str) -> dict[str, Any]:
    """What Keras states when it builds a network and would load its weights."""
    constructor = getattr(keras.applications, name)
    keras.backend.clear_session()  # numbers layers without a name from the beginning
    with (
        mock.patch.object(imagenet_utils, _SIZES, side_effect=usual_shape) as sizes,
        mock.patch.object(file_utils, "get_file") as file,
        mock.patch.object(keras.Model, "load_weights"),
    ):
        network = constructor(include_top=False, weights="imagenet")
    size = sizes.call_args.kwargs if sizes.called else MOBILE_NET_V3
    return {
        "parameters": network.count_params(),
        "image_size": size["default_size"],
        "smallest_image_size": size["min_size"],
        "features": network.output_shape[-1],
        "stages": stages(network),
        "weights_file": file.call_args.args[0],
    }


def own_facts(name: str) -> dict[str, Any]:
    """The same of a network of ours, whose weights were trained in PyTorch."""
    network = torch_networks.build(name, 224).network
    return {
        "parameters": network.count_params(),
        "image_size": 224,
        "smallest_image_size": 32,
        "features": network.output_shape[-1],
        "stages": stages(network),
        "weights_file": None,
    }


def stages(network: keras.Model) -> tuple[str, ...]:
    """The names of its stages."""
    return tuple(stage.name for stage in find_stages(network) or ())


def document() -> str:
    """The text of configs/networks.json."""
    found: dict[str, Any] = {name: own_facts(name) for name in torch_networks.NAMES}
    for name in names():
        found[name] = facts(name)
    lines = [f'  "{name}": {json.dumps(each)}' for name, each in found.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")
