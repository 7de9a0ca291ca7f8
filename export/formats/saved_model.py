"""The SavedModel of TensorFlow, laid out as TensorFlow Serving wants it.

The version is the number `1`, so that the directory of the export can be served as it is:
`--model_base_path=DIR`. Beside the signature that takes images it has one that takes the
bytes of image files.
"""

from pathlib import Path

import keras

from ..description import Description
from ..image_bytes.signature import bytes_function
from ..portable.from_bytes import BYTES_SIGNATURE
from .contract import Format
from .conversion import converting
from .inference import inference_function, write_saved_model


def _write(model: keras.Model, description: Description, directory: Path) -> None:
    with converting(SAVED_MODEL.name):
        from_bytes = bytes_function(inference_function(model), description)
        signatures = {BYTES_SIGNATURE: from_bytes}
        write_saved_model(model, directory / SAVED_MODEL.file, signatures)


SAVED_MODEL = Format("saved_model", "1", _write, ("tensorflow>=2.21",))
