"""The SavedModel of TensorFlow, laid out as TensorFlow Serving wants it.

The version is the number `1`, so that the directory of the export can be served as it is:
`--model_base_path=DIR`.
"""

from pathlib import Path

import keras

from ..description import Description
from .contract import Format
from .conversion import converting
from .inference import write_saved_model


def _write(model: keras.Model, description: Description, directory: Path) -> None:
    with converting(SAVED_MODEL.name):
        write_saved_model(model, directory / SAVED_MODEL.file)


SAVED_MODEL = Format("saved_model", "1", _write, ("tensorflow>=2.21",))
