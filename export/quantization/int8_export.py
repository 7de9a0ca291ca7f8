"""Exports a model in 8-bit integers, unless it loses too much accuracy."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from ...core.errors import ConfigError, message
from ..description import Description
from ..export_model import Exporter, ExportResult
from ..formats.contract import Format
from ..formats.conversion import converting
from ..portable.model import Model
from ..portable.runtimes import open_runtime
from .calibration_images import CalibrationImages
from .judgement import MAX_LOSS, judge, require_loss
from .measurements import (
    LATENCY_SECONDS,
    ask_both,
    measure_latency,
    require_faithful,
    require_the_same_on_its_own,
    size_of_model,
)
from .quantizers import Quantizer, quantizer_of


def export_int8(
    exporter: Exporter,
    format: Format,
    output: Path,
    calibration: CalibrationImages,
    max_loss: float = MAX_LOSS,
    latency_seconds: float = LATENCY_SECONDS,
) -> ExportResult:
    """Writes an export in 8-bit integers.

    Writes the model in float32 first, quantizes that file, and compares size and latency
    with it. Scores are compared with those of the model itself, on all images of the
    split.

    Args:
        exporter: Exporter of the model, with the split for the scores.
        format: A format that supports int8.
        output: The new directory; an earlier export there is replaced.
        calibration: Images for measuring ranges.
        max_loss: Maximum loss of balanced accuracy, from 0 to 1.
        latency_seconds: Time to measure the latency of each model.

    Returns:
        The export, with the measurements.

    Raises:
        ConfigError: The export loses more than `max_loss`, does not run on its own or can't
            be written, or a package is missing; nothing is left.
        DataError: An image has changed since the split.
    """
    require_loss(max_loss)
    _require_images_alone(exporter)
    quantize = quantizer_of(format.name)
    with tempfile.TemporaryDirectory(prefix="keraunos-int8-") as folder:
        both = _QuantizingFormat(format, quantize, calibration, Path(folder, "float32"))
        measured: dict[str, Any] = {"calibration": calibration.as_json()}

        def measure(directory: Path) -> Mapping[str, Any]:
            int8 = Model.open(directory)
            float32 = both.open_float32(int8.document)
            require_faithful(float32, exporter)
            require_the_same_on_its_own(int8, directory, exporter)
            measured.update(judge(ask_both(exporter, int8), max_loss))
            measured["bytes"] = {
                "float32": size_of_model(both.folder),
                "int8": size_of_model(directory, int8.document["files"]),
            }
            measured["latency"] = measure_latency(float32, int8, latency_seconds)
            return {"int8": measured}

        result = exporter.write(both.as_format(), output, tolerance=None, measure=measure)
    return replace(result, int8=measured)


def _require_images_alone(exporter: Exporter) -> None:
    if exporter.columns is not None:
        raise ConfigError(
            message(
                "An int8 export must be of a model that takes images only.",
                "Export it without int8.",
                columns=list(exporter.columns.names),
            )
        )


@dataclass(frozen=True)
class _QuantizingFormat:
    """A format that writes int8 files, and also keeps the float32 file.

    Attributes:
        format: The format in float32.
        quantize: Quantizes its file.
        calibration: Images for calibration.
        folder: Folder for the float32 file.
    """

    format: Format
    quantize: Quantizer
    calibration: CalibrationImages
    folder: Path

    def as_format(self) -> Format:
        """Returns the format that writes int8 files."""
        return replace(self.format, write=self._write)

    def open_float32(self, document: Mapping[str, Any]) -> Model:
        """Opens the float32 model with the document of the int8 model."""
        run = open_runtime(self.format.name, self.folder / self.format.file)
        return Model(document, run)

    def _write(self, model: keras.Model, description: Description, directory: Path) -> None:
        self.folder.mkdir()
        self.format.write(model, description, self.folder)
        target = directory / self.format.file
        target.parent.mkdir(exist_ok=True)
        with converting(f"{self.format.name} in int8"):
            self.quantize(self.folder / self.format.file, self.calibration.pixels, target)
