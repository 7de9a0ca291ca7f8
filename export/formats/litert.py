"""The format `litert`: a `.tflite` file for phones and small devices."""

from pathlib import Path

import keras
import tensorflow as tf

from ...core.files import write_bytes_atomic
from ..description import Description
from .contract import Format
from .conversion import converting
from .inference import saved_for_conversion


def _write(model: keras.Model, description: Description, directory: Path) -> None:
    with converting(LITERT.name), saved_for_conversion(model, description.columns) as saved:
        converter = tf.lite.TFLiteConverter.from_saved_model(saved)
        content = converter.convert()
    write_bytes_atomic(directory / LITERT.file, content)


LITERT = Format(
    "litert",
    "model.tflite",
    _write,
    ("ai-edge-litert>=2.0",),
    ("ai_edge_litert",),
    "litert",
)
