"""The definition of an export format."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..description import Description

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Signature:
    """An additional signature of an exported model, besides the one for decoded images.

    Attributes:
        name: Name in `parity.json`.
        option: Option of `predict.py`, such as `"--from-bytes"`. With it, the model may
            reject some kinds of images with an error.
        tolerance: Maximum difference of a probability for accepted images.
        description: Its inputs and outputs, for `model.json`.
    """

    name: str
    option: str
    tolerance: float
    description: str = ""


@dataclass(frozen=True)
class Format:
    """An export format.

    Attributes:
        name: Name in commands and in `model.json`.
        file: The file, or the directory of a SavedModel, that the runtime loads.
        write: Writes a model with its description into an empty directory. The model takes
            any number of RGB images from 0 to 255, `(images, size, size, 3)` float32, and
            returns `(images, classes)`.
        requirements: Packages that run it, as in `requirements.txt`.
        modules: Modules that must be importable to write and run it.
        extra: The extra of this package that installs them, or None.
        signatures: Additional signatures, each of which is checked.
    """

    name: str
    file: str
    write: Callable[["keras.Model", Description, Path], None]
    requirements: tuple[str, ...]
    modules: tuple[str, ...] = ()
    extra: str | None = None
    signatures: tuple["Signature", ...] = ()
