"""The format `saved_model`: a SavedModel in the layout of TensorFlow Serving.

The version directory is `1`, so that the directory of the export can be served directly:
`--model_base_path=DIR`. In addition to the signature for images, it has one for the bytes
of image files.
"""

from pathlib import Path

import keras

from ..description import Description
from ..image_bytes.signature import bytes_function
from ..portable.from_bytes import BYTES_SIGNATURE, IMAGE_BYTES
from .contract import Format, Signature
from .conversion import converting
from .inference import SIGNATURE, inference_function, write_saved_model

TOLERANCE = 1e-4  # of a probability


def _write(model: keras.Model, description: Description, directory: Path) -> None:
    with converting(SAVED_MODEL.name):
        infer = inference_function(model, description.columns)
        signatures = {SIGNATURE: infer}
        if description.task == "classification":  # the signature returns class names
            signatures[BYTES_SIGNATURE] = bytes_function(infer, description)
        write_saved_model(model, directory / SAVED_MODEL.file, signatures)


FROM_BYTES = Signature(
    BYTES_SIGNATURE,
    "--from-bytes",
    TOLERANCE,
    f"{IMAGE_BYTES}, (images,), string: the bytes of JPEG and PNG files, in addition to "
    "the columns that serving_default takes, if any; returns class, (images,), string; "
    "classes, (images, classes), string; and probabilities, (images, classes), float32, "
    "calibrated. Pixels differ from those of predict.py by at most 1 of 255.",
)
SAVED_MODEL = Format(
    "saved_model", "1", _write, ("tensorflow>=2.21",), signatures=(FROM_BYTES,)
)
