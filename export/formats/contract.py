"""What a format is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..description import Description

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Signature:
    """A way to ask an exported model, beside decoded images.

    Attributes:
        name: In `parity.json`.
        option: Of `predict.py`, such as `"--from-bytes"`. Asked so, the model may refuse
            images of some kinds, each with an error.
        tolerance: Of a probability, where it does not refuse.
        description: What it takes and returns, for `model.json`.
    """

    name: str
    option: str
    tolerance: float
    description: str = ""


@dataclass(frozen=True)
class Format:
    """A form in which a model is written as files that a runtime opens.

    Attributes:
        name: In commands and in `model.json`.
        file: The file, or the directory of a SavedModel, that the runtime opens.
        write: Writes a model, which a description is of, into an empty directory. The
            model takes images `(images, size, size, 3)`, float32, RGB from 0 to 255, any
            number of them, and returns `(images, classes)`.
        requirements: Packages that run it, as `requirements.txt` names them.
        modules: Which must be importable to write and to run it.
        extra: Of this package, that brings them; None for what is always there.
        signatures: Other ways to ask the model, each of which is checked as well.
    """

    name: str
    file: str
    write: Callable[["keras.Model", Description, Path], None]
    requirements: tuple[str, ...]
    modules: tuple[str, ...] = ()
    extra: str | None = None
    signatures: tuple["Signature", ...] = ()
