"""A convolutional network that knows red, green and blue, without any training."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keraunos.core.table_features import IMAGE, TableFeatures
from keraunos.export.portable.columns import described_columns
from keraunos.models.table_inputs import column_inputs, encode_columns
from PIL import Image
from serving_models import DOCUMENT

SIZE = 32
_CELL = 8


def color_network() -> keras.Model:
    """The larger the share of one color in an image, the more confident its prediction."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(3, _CELL, _CELL, use_bias=False, name="cells"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, "softmax", use_bias=False, name="head"),
        ]
    )
    shares = np.broadcast_to(np.eye(3) / _CELL**2, (_CELL, _CELL, 3, 3))
    model.get_layer("cells").set_weights([shares])
    model.get_layer("head").set_weights([6 * np.eye(3)])
    return model


def color_network_beside(features: TableFeatures) -> keras.Model:
    """The mean of the network's prediction and one from table columns."""
    image, columns = keras.Input((SIZE, SIZE, 3), name=IMAGE), column_inputs(features)
    start = keras.initializers.RandomNormal(seed=0)
    head = keras.layers.Dense(3, "softmax", kernel_initializer=start)
    predictions = [color_network()(image), head(encode_columns(features, columns))]
    return keras.Model([image, *columns], keras.layers.Average()(predictions))


def halves(
    left: tuple[int, int, int], right: tuple[int, int, int], size: int = SIZE
) -> bytes:
    """A PNG of two colors side by side."""
    image = Image.new("RGB", (size, size), left)
    image.paste(right, (size // 2, 0, size, size))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def write_color_export(
    directory: Path, columns: TableFeatures | None = None, **document: Any
) -> None:
    """An export of the network in the format `keras`.

    Args:
        directory: New.
        columns: Table columns that the network takes in addition to the image.
        **document: Changes to `model.json`.
    """
    directory.mkdir()
    file = directory / "model.keras"
    (color_network() if columns is None else color_network_beside(columns)).save(file)
    digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest()}
    own = {"image_size": SIZE, "format": "keras", "file": file.name, "files": digests}
    if columns is not None:
        own |= {"version": 2, "columns": described_columns(columns)}
    text = json.dumps(DOCUMENT | own | document)
    (directory / "model.json").write_text(text)
