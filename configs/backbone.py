"""The names that `model.backbone` takes, and what is known of them without TensorFlow."""

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
from .problems import ProblemsError
from .section import IMPORTABLE

HUB = "keras_hub:"


class Network(NamedTuple):
    """What is known of a network without building it.

    Attributes:
        parameters: How many it has without its head.
        image_size: Height and width in pixels of the images that its ImageNet weights
            were trained on.
        smallest_image_size: The least height and width that it takes.
        features: The length of its feature vectors.
        stages: Names of the parts in which it can be unfrozen, from input to output.
        weights_file: Of its ImageNet weights without the head, as Keras keeps it; None
            of weights that were trained in PyTorch.
    """

    parameters: int
    image_size: int
    smallest_image_size: int
    features: int
    stages: tuple[str, ...]
    weights_file: str | None


@functools.cache
def networks() -> Mapping[str, Network]:
    """The networks of keras.applications and ours by name, from networks.json.

    `python tests/keras_networks.py` writes that file from Keras, and tests compare both.

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
    """Where Keras keeps the weights that it downloads."""
    return Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "models"


def is_of_hub(name: str) -> bool:
    """Whether a backbone is a preset of KerasHub: `keras_hub:PRESET_OR_DIRECTORY`."""
    return name.startswith(HUB)


def is_address(name: str) -> bool:
    """Whether a backbone is a preset of KerasHub somewhere else: `keras_hub:hf://...`."""
    return is_of_hub(name) and "://" in name


def is_function(name: str) -> bool:
    """Whether a backbone is what a function returns: `package.module:function`."""
    return not is_of_hub(name) and re.match(IMPORTABLE, name) is not None


def problem_of_name(name: str) -> str:
    """Why there can be no backbone of that name; or nothing."""
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
    """Why a backbone can't take images of that size, as far as is known; or nothing.

    Args:
        name: Of the backbone.
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


def _checked(name: str) -> str:
    problem = problem_of_name(name)
    if problem:
        raise ProblemsError(problem)
    return name


_FORMS = [*networks(), f"{HUB}.+", IMPORTABLE.strip("^$")]
BackboneName = Annotated[
    str,
    AfterValidator(_checked),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^({'|'.join(_FORMS)})$",
            "examples": [*networks()],
        }
    ),
]
