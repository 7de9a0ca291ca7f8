"""Exports a model passed to `Trainer.export` and checks it on images of the data."""

import os
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..core.errors import ConfigError, message
from ..core.run_layout import EXPORT_FOLDER, MODEL_FILE
from ..core.user_path import user_path
from ..data import ImageData
from ..export.compared_images import choose_images
from ..export.description import Description
from ..export.evaluated_run import require_classification, with_evaluation, with_test
from ..export.export_model import Exporter, ExportResult
from ..export.formats.registry import format_of
from ..export.place import export_name, require_own_place
from ..export.quantization.calibration_images import choose_calibration_images
from ..export.quantization.int8_export import export_int8
from ..export.quantization.quantizers import require_quantizer
from .setup.model_files import ModelOrPath


def export_checked(
    given: ModelOrPath,
    model: keras.Model,
    data: Any,
    format: str,
    output: str | os.PathLike[str] | None,
    calibrated: bool,
    int8: bool,
    max_loss: float,
    run_dir: Path | None,
) -> ExportResult:
    """Implements `Trainer.export`, which documents the other arguments.

    Args:
        given: The argument `model` of `Trainer.export`: a model or a path.
        model: The loaded model.
        data: See `Trainer.export`.
        format: See `Trainer.export`.
        output: See `Trainer.export`.
        calibrated: See `Trainer.export`.
        int8: See `Trainer.export`.
        max_loss: See `Trainer.export`.
        run_dir: The run directory of the Trainer, or None.
    """
    written = format_of(format)
    run = _run_of(given, model, run_dir)
    place = _folder(output, run or run_dir) / export_name(format, calibrated, int8)
    require_own_place(place)
    if int8:
        require_quantizer(format)
    images = choose_images(data)
    split = images.split
    name = model.name if run is None else run.name
    task = split.task
    require_classification(task, calibrated=calibrated, int8=int8)
    description = Description(
        name, split.class_names, split.image_size, split.rules, task=task
    )
    if run is not None and task != "classification":
        description = with_test(description, run)
    elif run is not None:
        description = with_evaluation(description, run, calibrated)
    elif calibrated:
        raise ConfigError(
            message(
                "A calibrated export needs a run, which contains the calibration.",
                'Name the run: export("runs/first", data, calibrated=True).',
                run_dir=run_dir and str(run_dir),
            )
        )
    exporter = Exporter([_on_one_device(model)], description, images)
    if not int8:
        return exporter.write(written, place)
    calibration = choose_calibration_images(
        data.train if isinstance(data, ImageData) else None
    )
    return export_int8(exporter, written, place, calibration, max_loss)


def _folder(output: str | os.PathLike[str] | None, run: Path | None) -> Path:
    if output is not None:
        return Path(os.path.realpath(user_path(output)))
    if run is None:
        raise ConfigError(
            message(
                "An export needs an output directory.",
                'Name a directory: export(..., output="exports").',
                output=None,
            )
        )
    return Path(os.path.realpath(user_path(run))) / EXPORT_FOLDER


def _run_of(given: ModelOrPath, model: keras.Model, run_dir: Path | None) -> Path | None:
    """Returns the run directory that contains the model, or None."""
    if not isinstance(given, keras.Model):
        path = Path(os.path.realpath(user_path(given)))
        named = path if path.is_dir() else path.parent
        return named if path in (named, named / MODEL_FILE) else None
    if run_dir is None:
        return None
    run = Path(os.path.realpath(user_path(run_dir)))
    return run if _has_weights(run / MODEL_FILE, model) else None


def _has_weights(file: Path, model: keras.Model) -> bool:
    """Returns whether a file contains the weights of the model."""
    if not file.is_file():
        return False
    saved = keras.models.load_model(file, compile=False, safe_mode=True).get_weights()
    weights = model.get_weights()
    return len(saved) == len(weights) and all(map(np.array_equal, saved, weights))


def _on_one_device(model: keras.Model) -> keras.Model:
    """Returns the model, or a single-device copy of a replicated one."""
    if model.distribute_strategy.num_replicas_in_sync == 1:
        return model
    with tempfile.TemporaryDirectory(prefix="keraunos-") as folder:
        file = Path(folder) / MODEL_FILE
        model.save(file)
        return keras.models.load_model(file, compile=False, safe_mode=True)
