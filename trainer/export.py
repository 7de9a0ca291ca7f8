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
        model: What to write.
        path: Where to.
        is_compiled: Whether to keep what it was compiled with, and the optimizer. Losses
            and metrics of one's own then keep it from loading elsewhere.
    """
    plain = model
    if model_inputs(model) and not is_compiled:
        plain = keras.Model(model.inputs, model.outputs, name=model.name)
    with replacing(path) as temporary:
        plain.save(temporary)


def export_run(
    model: keras.Model, data: Any, run_dir: Path, is_compiled: bool = False
) -> Path:
    """Writes the model of a run, and the names of its classes if the data has some.

    Args:
        model: What to write.
        data: What it was trained on.
        run_dir: Where to.
        is_compiled: Whether to keep what it was compiled with.

    Returns:
        The file of the model.
    """
    if isinstance(data, HasClassNames):
        write_class_names(data.class_names, run_dir / CLASSES_FILE)
    # Last: where it is, a search takes a trial to be exported.
    export_model(model, run_dir / MODEL_FILE, is_compiled)
    return run_dir / MODEL_FILE


def write_class_names(class_names: Sequence[str], path: Path) -> None:
    """Writes one name a line, in the order of the model's outputs."""
    write_checked_text(path, "".join(f"{name}\n" for name in class_names))


def nothing_to_export(run_dir: Path | None) -> ConfigError:
    """The error to raise where a run has no checkpoint."""
    return ConfigError(
        message(
            "The directory of a run with checkpoints must be given.",
            "Train first, with the callback model_checkpoint.",
            run_dir=run_dir and str(run_dir),
        )
    )
