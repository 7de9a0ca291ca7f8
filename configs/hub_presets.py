"""Finds image presets of the installed KerasHub, and presets in directories.

Importing KerasHub loads TensorFlow and takes seconds. Its lists of presets are literals in
separate files, which are parsed here without running them.
"""

import ast
import functools
from collections.abc import Iterator, Mapping
from importlib import util
from pathlib import Path
from typing import Any, NamedTuple

from ..core.errors import ConfigError, message
from ..core.extras import install_command
from ..core.names import did_you_mean
from ..core.user_path import user_path
from .backbone import HUB, is_address

SETTING = "model.backbone"
CONFIG_FILE = "config.json"  # of every preset


class Preset(NamedTuple):
    """A preset in the lists of KerasHub.

    Attributes:
        parameters: Number of parameters, or None if unknown.
        handle: Where to download it from, such as `kaggle://keras/vit/keras/NAME/4`.
    """

    parameters: int | None
    handle: str


def hub_folder() -> Path | None:
    """Returns the folder of the installed KerasHub, or None if it is not installed."""
    found = util.find_spec("keras_hub")
    places = list(found.submodule_search_locations or ()) if found else []
    return Path(places[0]) if places else None


def find_preset(name: str) -> str:
    """Returns the preset to pass to KerasHub: a name, an address, or a path.

    Args:
        name: The backbone: `keras_hub:` followed by the preset.

    Raises:
        ConfigError: KerasHub is not installed, or there is no such preset.
    """
    if hub_folder() is None:
        raise ConfigError(
            message(
                f"`{SETTING}` names a preset of KerasHub, which is not installed.",
                install_command("hub"),
                **{SETTING: name},
            )
        )
    preset = name.removeprefix(HUB)
    if is_address(name) or preset in presets():
        return preset
    directory = user_path(preset)
    if "/" in preset or directory.exists():
        return str(_checked(directory, name))
    if not presets():  # a version of KerasHub whose lists are elsewhere
        return preset
    raise ConfigError(
        message(
            f"`{SETTING}` must name an image preset of the installed KerasHub, or a "
            "directory.",
            did_you_mean(preset, presets()) or "`keraunos backbones` lists the presets.",
            **{SETTING: name},
        )
    )


def is_directory(preset: str) -> bool:
    """Returns whether a preset, as returned by `find_preset`, is a directory."""
    return "://" not in preset and preset not in presets() and Path(preset).is_dir()


def _checked(directory: Path, name: str) -> Path:
    if (directory / CONFIG_FILE).is_file():
        return directory
    raise ConfigError(
        message(
            f"`{SETTING}` must name a directory that `save_to_preset` of KerasHub wrote.",
            f"There is no {directory / CONFIG_FILE}.",
            **{SETTING: name},
        )
    )


@functools.cache
def presets() -> Mapping[str, Preset]:
    """Returns the image presets by name; empty if KerasHub is not installed."""
    folder = hub_folder()
    if folder is None:
        return {}
    files = sorted((folder / "src" / "models").glob("*/*_presets.py"))
    found = [_read(file) for file in files if _is_of_images(file.parent)]
    return {name: preset for each in found for name, preset in each}


def _is_of_images(folder: Path) -> bool:
    """Returns whether a family consists of image classifiers or feature extractors."""

    def has(ending: str) -> bool:
        return any(folder.glob(f"*_{ending}.py"))

    is_for_more = has("tokenizer") or (has("preprocessor") and not has("image_classifier"))
    return has("image_converter") and not is_for_more


def _read(file: Path) -> Iterator[tuple[str, Preset]]:
    """Yields the presets in a file with `presets = {"name": {...}, ...}`."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)):
            continue
        for key, value in zip(node.value.keys, node.value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                content = _literal(value)
                handle = str(content.get("kaggle_handle", ""))
                yield key.value, Preset(content.get("metadata", {}).get("params"), handle)


def _literal(node: ast.expr) -> dict[str, Any]:
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
