"""Runs an exported model in the runtime of its format."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Run = Callable[[Images], npt.NDArray[np.float32]]


def open_runtime(format: str, file: Path) -> Run:
    """Loads a model.

    Args:
        format: One of `keras`, `saved_model`, `onnx`, `litert` and `openvino`.
        file: The file, or the directory of a SavedModel.

    Returns:
        A function of images `(images, height, width, 3)`, uint8, any number of them, that
        returns `(images, classes)`, float32.
    """
    return _RUNTIMES[format](file)


def _open_keras(file: Path) -> Run:
    import keras

    model: Any = keras.models.load_model(file, compile=False, safe_mode=True)
    return lambda images: np.asarray(model.predict_on_batch(images.astype(np.float32)))


_RUNTIMES = {"keras": _open_keras}
