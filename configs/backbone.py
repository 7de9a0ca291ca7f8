"""The values that `model.backbone` accepts, and facts about the networks."""

import functools
import json
import os
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, WithJsonSchema

from ..core.errors import message
from ..core.names import did_you_mean, is_one_line
from .problems import Problem, ProblemsError
from .section import IMPORTABLE

HUB = "keras_hub:"


class Network(NamedTuple):
    """Facts about a network that are known without building it.

    Attributes:
        parameters: Number of parameters without the head.
        image_size: Height and width in pixels of the images that its ImageNet weights
            were trained on.
        smallest_image_size: The smallest height and width that it accepts, in pixels.
        features: Length of its feature vectors.
        stages: Names of the parts in which it can be unfrozen, from input to output.
        weights_file: Name of the file in which Keras stores its ImageNet weights without
            the head; None for weights that were trained in PyTorch.
    """

    parameters: int
    image_size: int
    smallest_image_size: int
    features: int
    stages: tuple[str, ...]
    weights_file: str | None


@functools.cache
def networks() -> Mapping[str, Network]:
    """Returns the networks of keras.applications and of Keraunos by name.

    `python tests/keras_networks.py` generates networks.json from Keras; tests compare them.

    Example:
        >>> networks()["ResNet50"].features
        2048
    """
    text = resources.files(__package__).joinpath("networks.json").read_text("utf-8")
    return {
        name: Network(**{**each, "stages": tuple(each["stages"])})
        for name, each in json.loads(text).items()
    }


def keras_folder() -> Path:
    """Returns the folder to which Keras downloads weights."""
    return Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "models"


def is_of_hub(name: str) -> bool:
    """Returns whether a backbone is a KerasHub preset: `keras_hub:PRESET_OR_DIRECTORY`."""
    return name.startswith(HUB)


def is_address(name: str) -> bool:
    """Returns whether a backbone is a remote KerasHub preset: `keras_hub:hf://...`."""
    return is_of_hub(name) and "://" in name


def is_function(name: str) -> bool:
    """Returns whether a backbone is built by a function: `package.module:function`."""
    return not is_of_hub(name) and re.match(IMPORTABLE, name) is not None


def problem_of_name(name: str) -> str:
    """Returns an error message if there is no such backbone; otherwise an empty string."""
    is_preset = is_of_hub(name) and name.removeprefix(HUB).strip() and is_one_line(name)
    if name in networks() or is_preset or is_function(name):
        return ""
    return message(
        "`model.backbone` must be a network that `keraunos backbones` lists, "
        "keras_hub:PRESET, keras_hub:DIRECTORY or package.module:function.",
        did_you_mean(name, networks()),
        **{"model.backbone": name},
    )


def problem_of_size(name: str, image_size: int) -> str:
    """Returns an error message if images are too small for a backbone; otherwise "".

    Args:
        name: The name of the backbone.
        image_size: Height and width in pixels.
    """
    network = networks().get(name)
    if network is None or image_size >= network.smallest_image_size:
        return ""
    least = network.smallest_image_size
    return message(
        f"`data.image_size` must be at least {least} for {name}.",
        f"Its ImageNet weights were trained at {network.image_size} pixels.",
        **{"data.image_size": image_size},
    )


def _require_valid_name(name: str) -> str:
    text = problem_of_name(name)
    if text:
        raise ProblemsError(Problem("model.backbone", text))
    return name


_FORMS = [*networks(), f"{HUB}.+", IMPORTABLE.strip("^$")]
BackboneName = Annotated[
    str,
    AfterValidator(_require_valid_name),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^({'|'.join(_FORMS)})$",
            "examples": [*networks()],
        }
    ),
]
