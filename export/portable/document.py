"""Reads and checks `model.json`, the description of an exported model.

It may come from an untrusted source: every value is checked, and no file outside of its
directory is opened.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.table_features import TableFeatures
from ...data.files.pixel_rules import FULL_BITS, PixelRules
from .columns import columns_of
from .decisions import Decisions, decisions_of
from .fields import Fields, ModelFileError, read_document
from .task_answers import CLASSIFICATION, TaskRules, task_rules_of

DESCRIPTION_FILE = "model.json"
VERSION = 2  # for models with table columns; others still have version 1
FORMATS = ("keras", "saved_model", "onnx", "litert", "openvino")

_MAX_PIXELS = 2**32  # more than any JPEG or PNG decoder supports
_IMAGE_SIZES = (1, 4096)


@dataclass(frozen=True)
class Correction:
    """Replaces probabilities `p` by `softmax(scale * log(p) + bias)`.

    Attributes:
        scale: Scale of each class, positive.
        bias: Bias of each class.
        applied_in_graph: Whether the model's outputs are already calibrated.
    """

    scale: tuple[float, ...]
    bias: tuple[float, ...]
    applied_in_graph: bool


@dataclass(frozen=True)
class ModelDocument:
    """The content of `model.json` that does not depend on the format.

    Attributes:
        name: Name of the run.
        classes: Class names, in the order of the outputs.
        image_size: Height and width of its images in pixels.
        rules: How pixels are read from files.
        correction: The calibration of its probabilities, or None.
        decisions: Thresholds and other decisions.
        not_for: Sentences about unsuitable uses.
        rules_of_task: The task, with thresholds or intervals of other tasks.
        columns: Table columns that the model takes, or None.
    """

    name: str
    classes: tuple[str, ...]
    image_size: int
    rules: PixelRules
    correction: Correction | None
    decisions: Decisions
    not_for: tuple[str, ...] = ()
    rules_of_task: TaskRules = CLASSIFICATION
    columns: TableFeatures | None = None

    @property
    def task(self) -> str:
        """The task: `classification`, `multi_label` or `regression`."""
        return self.rules_of_task.task


@dataclass(frozen=True)
class ModelFiles:
    """The files of an exported model.

    Attributes:
        format: One of `FORMATS`.
        file: The file, or the directory of a SavedModel, that the runtime loads.
    """

    format: str
    file: Path


def parse_document(content: Any) -> ModelDocument:
    """Reads and checks the content of `model.json`.

    Raises:
        ModelFileError: A value is missing or wrong, or the version is newer.
    """
    fields = Fields(content)
    _require_version(fields)
    classes = fields.names("classes")
    return ModelDocument(
        fields.text("name"),
        classes,
        fields.whole("image_size", *_IMAGE_SIZES),
        _rules(fields.object("decoding")),
        _correction(fields, len(classes)),
        decisions_of(fields.object("decisions"), classes),
        () if fields.get("not_for") is None else fields.texts("not_for"),
        task_rules_of(fields, classes),
        columns_of(fields),
    )


def read_model_files(directory: Path, content: Any) -> ModelFiles:
    """Checks that a model has exactly the files that were exported.

    Args:
        directory: Directory of the export.
        content: The content of its `model.json`.

    Raises:
        ModelFileError: A file is missing, changed, outside of the directory, or was added.
    """
    fields = Fields(content)
    format, name = fields.text("format"), fields.text("file")
    if format not in FORMATS:
        raise ModelFileError(
            f"`format` must be one of {', '.join(FORMATS)}. Received: format={format!r}."
        )
    digests = fields.object("files")
    for each in digests:
        _require_same(directory, each, digests.text(each))
    file = _resolve_within(directory, name)
    for found in _files_of(file):
        relative = os.fspath(found.relative_to(directory))
        if relative not in set(digests):
            raise ModelFileError(f"{relative} is not an exported file: {found}.")
    return ModelFiles(format, file)


def read_model_document(directory: Path) -> Any:
    """Returns the content of `model.json` in a directory, unchecked.

    Raises:
        ModelFileError: The file can't be read.
    """
    return read_document(_resolve_within(directory, DESCRIPTION_FILE))


def _require_version(fields: Fields) -> None:
    version = fields.whole("version", 1, 2**31)
    if version > VERSION:
        raise ModelFileError(
            f"{DESCRIPTION_FILE} must be of version {VERSION} or earlier. Received: "
            f"version={version}. Upgrade Keraunos, or use the predict.py of the export."
        )


def _rules(fields: Fields) -> PixelRules:
    bits = fields.get("bit_depth")
    return PixelRules(
        None if bits is None else fields.whole("bit_depth", 8, FULL_BITS),
        fields.whole("max_pixels", 1, _MAX_PIXELS),
    )


def _correction(fields: Fields, classes: int) -> Correction | None:
    in_graph = fields.flag("applied_in_graph")
    found = fields.optional("correction")
    if found is None:
        return None
    if found.text("kind") == "temperature":
        temperature = found.number("temperature")
        scale, bias = (1 / max(temperature, 1e-30),) * classes, (0.0,) * classes
    else:
        scale, bias = found.numbers("scale", classes), found.numbers("bias", classes)
        temperature = min(scale)
    if not temperature > 0:
        raise ModelFileError(
            f"`correction` must have positive numbers. Received: {temperature:g}."
        )
    return Correction(scale, bias, in_graph)


def _require_same(directory: Path, name: str, digest: str) -> None:
    file = _resolve_within(directory, name)
    if not file.is_file():
        raise ModelFileError(f"{file} is missing or not a regular file.")
    with file.open("rb") as opened:
        if hashlib.file_digest(opened, "sha256").hexdigest() != digest:
            raise ModelFileError(f"{file} is not the file that was exported.")


def _resolve_within(directory: Path, name: str) -> Path:
    """Returns the path of a file, which must lie in a directory with links resolved."""
    place = directory / name
    root = directory.resolve()
    is_plain = not Path(name).is_absolute() and ".." not in Path(name).parts
    if "\0" in name or not is_plain or root not in place.resolve().parents:
        raise ModelFileError(
            f"The files of a model must lie in its directory. Received: file={name!r}."
        )
    return place


def _files_of(file: Path) -> Iterator[Path]:
    """Yields a file, or all files below a directory."""
    if not file.is_dir():
        yield file
    else:
        yield from (each for each in file.rglob("*") if not each.is_dir())
