"""The format `keras`: a `.keras` file."""

from pathlib import Path
from typing import TYPE_CHECKING

from ...core.run_layout import MODEL_FILE
from ..description import Description
from .contract import Format

if TYPE_CHECKING:
    import keras


def _write(model: "keras.Model", description: Description, directory: Path) -> None:
    model.save(directory / KERAS.file)


KERAS = Format("keras", MODEL_FILE, _write, ("tensorflow>=2.21", "keras>=3.15"))
