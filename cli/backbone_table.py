"""Facts about backbones that are known without building them or loading TensorFlow."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..configs.backbone import (
    HUB,
    is_function,
    is_of_hub,
    keras_folder,
    networks,
    problem_of_name,
)
from ..configs.hub_presets import CONFIG_FILE, find_preset, is_directory, presets
from ..configs.weights import IMAGENET, find_weights
from ..core.errors import ConfigError

_PRESET_WEIGHTS = "*.weights.h5"


@dataclass(frozen=True)
class BackboneRow:
    """A backbone; values that are unknown until it is built or downloaded are None.

    Attributes:
        name: The value of `model.backbone`.
        parameters: Number of parameters without the head.
        image_size: Height and width in pixels of the images that it was trained on.
        smallest_image_size: The smallest height and width that it accepts, in pixels.
        features: Length of its feature vectors.
        stages: Names of the parts in which it can be unfrozen, from input to output.
        has_weights: Whether its pretrained weights are on this machine.
        images_per_second: Throughput, if it was measured on this machine.
    """

    name: str
    parameters: int | None = None
    image_size: int | None = None
    smallest_image_size: int | None = None
    features: int | None = None
    stages: tuple[str, ...] | None = None
    has_weights: bool | None = None
    images_per_second: float | None = None


def all_rows() -> list[BackboneRow]:
    """Returns all built-in networks, and the presets of KerasHub if it is installed."""
    names = sorted(networks(), key=lambda name: networks()[name].parameters)
    return [row_of(name) for name in (*names, *(f"{HUB}{each}" for each in presets()))]


def row_of(name: str) -> BackboneRow:
    """Returns the known facts about a backbone.

    Raises:
        ConfigError: There is no backbone with this name.
    """
    problem = problem_of_name(name)
    if problem:
        raise ConfigError(problem)
    if is_of_hub(name):
        return _of_hub(name)
    if is_function(name):
        return BackboneRow(name)
    known = networks()[name]
    return BackboneRow(
        name,
        parameters=known.parameters,
        image_size=known.image_size,
        smallest_image_size=known.smallest_image_size,
        features=known.features,
        stages=known.stages,
        has_weights=_has_weights(name, known.weights_file),
    )


def _has_weights(name: str, file: str | None) -> bool | None:
    if file is not None:
        return (keras_folder() / file).is_file()
    if name != "efficientnet_lite0":
        return None  # PyTorch determines where they are
    try:
        return find_weights(name, IMAGENET) is not None
    except ConfigError:
        return False


def _of_hub(name: str) -> BackboneRow:
    preset = find_preset(name)
    if is_directory(preset):
        folder: Path | None = Path(preset)
    else:
        folder = _downloaded(presets()[preset].handle) if preset in presets() else None
    listed = presets()[preset].parameters if preset in presets() else None
    if folder is None:
        return BackboneRow(name, parameters=listed, has_weights=False)
    size = _read(folder / CONFIG_FILE).get("config", {}).get("image_shape") or [None]
    return BackboneRow(
        name,
        parameters=_read(folder / "metadata.json").get("parameter_count", listed),
        image_size=size[0],
        has_weights=any(folder.glob(_PRESET_WEIGHTS)),
    )


def _downloaded(handle: str) -> Path | None:
    """Returns the folder of any version of a model that kagglehub has downloaded."""
    cache = os.environ.get("KAGGLEHUB_CACHE", "~/.cache/kagglehub")
    model = handle.removeprefix("kaggle://").split("/")[:4]
    versions = Path(cache).expanduser().joinpath("models", *model).glob("*")
    return next((each for each in versions if (each / CONFIG_FILE).is_file()), None)


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
