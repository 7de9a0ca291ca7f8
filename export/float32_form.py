"""A model that was trained in half precision, as it is exported: in float32."""

import tempfile
from pathlib import Path

import keras

from ..core.run_layout import MODEL_FILE
from ..models.variables import all_layers

_HALF = ("float16", "bfloat16")


def float32_form(model: keras.Model) -> keras.Model:
    """A model that computes in float32 with the weights of another.

    In half precision answers depend on the runtime, and even on the size of a batch, by up
    to some hundredths; there is nothing that an export could agree with. The weights are
    kept in float32 by training with `mixed_float16` or `mixed_bfloat16`.

    Returns:
        The model itself if none of its layers computes in half precision, else a copy.
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
