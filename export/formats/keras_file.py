"""The `.keras` file, as Keras itself opens it."""

from pathlib import Path

import keras

from .contract import Format


def _write(model: keras.Model, directory: Path) -> None:
    model.save(directory / KERAS.file)


KERAS = Format("keras", "model.keras", _write, ("tensorflow>=2.21", "keras>=3.15"))
