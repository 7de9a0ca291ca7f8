"""Converts models trained in half precision to float32."""

import tempfile
from pathlib import Path

import keras

from ..core.run_layout import MODEL_FILE
from ..models.variables import all_layers

_HALF = ("float16", "bfloat16")


def float32_form(model: keras.Model) -> keras.Model:
    """Returns a model that computes in float32, with the same weights.

    In half precision, outputs differ between runtimes, and even between batch sizes, by up
    to a few hundredths, so that an export could not agree with its model. Training with
    `mixed_float16` or `mixed_bfloat16` keeps weights in float32.

    Returns:
        The model itself if no layer computes in half precision, otherwise a copy.
    """
    if not _half_layers(model):
        return model
    with tempfile.TemporaryDirectory(prefix="keraunos-") as folder:
        file = Path(folder, MODEL_FILE)
        model.save(file)
        copy = keras.models.load_model(file, compile=False, safe_mode=True)
    for layer in _half_layers(copy):
        layer.dtype_policy = keras.DTypePolicy("float32")
    return copy


def _half_layers(model: keras.Model) -> list[keras.Layer]:
    layers = [model, *all_layers(model)]
    return [layer for layer in layers if layer.compute_dtype in _HALF]
