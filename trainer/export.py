"""Saves the trained model so that plain Keras can load it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from ..core.checked_files import write_checked_text
from ..core.errors import ConfigError, message
from ..core.files import replacing
from ..core.run_layout import CLASSES_FILE, MODEL_FILE
from .contracts import HasClassNames
from .step.keras_internals import model_inputs


def export_model(model: keras.Model, path: Path, is_compiled: bool = False) -> None:
    """Writes a `.keras` file.

    Args:
        model: The model to write.
        path: The file to write.
        is_compiled: Whether to include loss, metrics and optimizer. A model with custom
            losses or metrics then loads only where these are registered.
    """
    plain = model
    if model_inputs(model) and not is_compiled:
        plain = keras.Model(model.inputs, model.outputs, name=model.name)
    with replacing(path) as temporary:
        plain.save(temporary)


def export_run(
    model: keras.Model, data: Any, run_dir: Path, is_compiled: bool = False
) -> Path:
    """Writes the model of a run, and its class names if the data has some.

    Args:
        model: The model to write.
        data: The data that it was trained on.
        run_dir: The run directory.
        is_compiled: Whether to include loss, metrics and optimizer.

    Returns:
        The path of the model file.
    """
    if isinstance(data, HasClassNames):
        write_class_names(data.class_names, run_dir / CLASSES_FILE)
    # Last, because a search considers a trial exported once this file exists.
    export_model(model, run_dir / MODEL_FILE, is_compiled)
    return run_dir / MODEL_FILE


def write_class_names(class_names: Sequence[str], path: Path) -> None:
    """Writes one class name per line, in the order of the model's outputs."""
    write_checked_text(path, "".join(f"{name}\n" for name in class_names))


def nothing_to_export(run_dir: Path | None) -> ConfigError:
    """Returns the error for a run without checkpoints."""
    return ConfigError(
        message(
            "`run_dir` must be the directory of a run with checkpoints.",
            "Train first, with the callback model_checkpoint.",
            run_dir=run_dir and str(run_dir),
        )
    )
