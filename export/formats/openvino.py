"""The format `openvino`: the two IR files of OpenVINO, also for OpenVINO Model Server."""

from pathlib import Path

import keras

from ..description import Description
from ..portable.telemetry import import_silently
from .contract import Format
from .conversion import converting
from .inference import require_inputs_and_output, saved_for_conversion


def _write(model: keras.Model, description: Description, directory: Path) -> None:
    """Writes `model.xml`, and the weights in `model.bin`.

    Reads the SavedModel, since `openvino.convert_model` would send telemetry to Intel.
    """
    openvino = import_silently("openvino")
    file, columns = directory / OPENVINO.file, description.columns
    with converting(OPENVINO.name), saved_for_conversion(model, columns) as saved:
        converted = openvino.Core().read_model(saved)
        counts = len(converted.inputs), len(converted.outputs)
        require_inputs_and_output(*counts, columns, file)
        file.parent.mkdir()
        openvino.save_model(converted, file, compress_to_fp16=False)


OPENVINO = Format(
    "openvino",
    "1/model.xml",
    _write,
    ("openvino>=2026.0",),
    ("openvino",),
    "openvino",
)
