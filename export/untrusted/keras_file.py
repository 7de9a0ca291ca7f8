"""Checks a `.keras` file, an archive of two JSON documents and an HDF5 file.

The safe mode of Keras rejects much of this too, but not all, and not in every version.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...core.plain_hdf5 import find_nonplain_members
from .refusal import refusal

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_MEMBERS = {"metadata.json", _CONFIG, _WEIGHTS}
_LARGE = 64 * 2**20  # bytes; larger members are limited in compression
_MAX_COMPRESSION = 20

# Modules of Keras whose classes are allowed, by first part, and those for functions.
_CLASSES = {
    *("activations", "applications", "backend", "constraints", "dtype_policies"),
    *("initializers", "layers", "losses", "metrics", "models", "ops", "optimizers"),
    *("quantizers", "random", "regularizers", "wrappers"),
}
_FUNCTIONS = _CLASSES - {"applications", "backend", "layers", "models", "wrappers"}
# Modules of KerasHub with layers and image networks only, none of which open files.
_OF_HUB = re.compile(
    r"keras_hub\.src\.models\."
    r"(cspnet|deit|densenet|dinov2|dinov3|efficientnet|hgnetv2|mit|mobilenet|mobilenetv5|"
    r"resnet|swin_transformer|vgg|vit|xception)\."
    r"(\w+_(backbone|layers|encoder|blocks|attention)|cba|mbconv|fusedmbconv)"
)
# Classes of Keras that run code in the file, or open files that it names.
_HARMFUL = {
    *("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"),
    *("IntegerLookup", "StringLookup", "TextVectorization", "IndexLookup"),
    *("__lambda__", "__typespec__", "SKLearnClassifier", "SKLearnRegressor"),
    *("SKLearnTransformer",),
}


def require_harmless(file: Path) -> None:
    """Checks that a file contains only layers of Keras and KerasHub and their weights.

    Raises:
        ModelFileError: It contains something else.
    """
    with zipfile.ZipFile(file) as archive:
        _require_members(file, archive.infolist())
        found = sorted(set(_harmful(json.loads(archive.read(_CONFIG)))))
        if found:
            raise refusal(file, "names objects that could run code or open files", *found)
        _require_plain_weights(file, io.BytesIO(archive.read(_WEIGHTS)))


def _require_members(file: Path, members: list[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    other = [name for name in names if name not in _MEMBERS or names.count(name) > 1]
    if other:
        raise refusal(file, "contains other files", *other)
    bombs = [
        member.filename
        for member in members
        if member.file_size > max(_LARGE, _MAX_COMPRESSION * member.compress_size)
    ]
    if bombs:
        raise refusal(file, "contains files that would become huge", *bombs)


def _harmful(config: Any) -> Iterator[str]:
    """Yields the forbidden objects that a configuration names."""
    pending = [config]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += value
        elif isinstance(value, Mapping):
            pending += value.values()
            name = value.get("class_name")
            if isinstance(name, str) and not _is_harmless(name, value):
                yield f"{value.get('module') or ''} {name}".strip()


def _is_harmless(name: str, described: Mapping[str, Any]) -> bool:
    """Returns whether an object only computes, or is found only if it is registered."""
    module = described.get("module")
    named = {name, described.get("registered_name")} & _HARMFUL
    if named and not (named == {"StringLookup"} and _contains_vocabulary(described)):
        return False
    if not isinstance(module, str):
        return module is None
    if not module.startswith("keras"):
        return True  # Keras does not import it
    is_function = name == "function"
    wanted = described.get("config") if is_function else name
    if not isinstance(wanted, str) or "." in wanted:
        return False
    if module == "keras":
        return not is_function
    if _OF_HUB.fullmatch(module):
        return not is_function
    package, _, path = module.partition(".")
    part = path.removeprefix("src.").split(".")[0]
    return package == "keras" and part in (_FUNCTIONS if is_function else _CLASSES)


def _contains_vocabulary(described: Mapping[str, Any]) -> bool:
    """Returns whether a lookup contains its vocabulary instead of naming a file."""
    config = described.get("config")
    words = config.get("vocabulary") if isinstance(config, Mapping) else None
    return isinstance(words, list) and all(isinstance(word, str) for word in words)


def _require_plain_weights(file: Path, weights: Any) -> None:
    """Checks that an HDF5 file has no links, external storage or compression."""
    found = list(find_nonplain_members(weights))
    if found:
        raise refusal(file, "has weights that are linked, external or compressed", *found)
