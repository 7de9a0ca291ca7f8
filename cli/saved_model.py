"""Loads the model of a finished run."""

import gc
import zipfile
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import keras

from ..configs import RunConfig
from ..configs.hub_presets import hub_folder
from ..core.bundle import read_document
from ..core.checked_files import damaged, read_checked_text
from ..core.checkpoints import checkpoint_names
from ..core.console import notify
from ..core.errors import CheckpointError, ConfigError, message
from ..core.extras import install_command
from ..core.run_layout import CHECKPOINTS_FOLDER, CLASSES_FILE, CONFIG_FILE, MODEL_FILE
from ..export.untrusted.checks import require_harmless
from ..strategies import create_strategy
from .typed_command import typed


@runtime_checkable
class _HasInputShape(Protocol):
    """A functional or sequential model."""

    input_shape: Any


def load_model(run: Path, config: RunConfig) -> keras.Model:
    """Loads the best model of a run onto the devices of its configuration.

    Raises:
        ConfigError: The run has no model yet.
        CheckpointError: The file of the model or the configuration is damaged.
    """
    file = run / MODEL_FILE
    if not file.exists():
        raise _unfinished(file)
    settings = config.trainer
    strategy = create_strategy(settings.strategy, settings.accelerator, settings.devices)
    with strategy.scope():
        model = _load(file)
    _require_size(model, config.data.image_size, run)
    return model


def forget_models() -> None:
    """Frees the memory of models before the next one is loaded."""
    keras.utils.clear_session()
    gc.collect()


def _require_size(model: keras.Model, image_size: int, run: Path) -> None:
    """Checks that the image size of the configuration is that of the model."""
    shape = model.input_shape if isinstance(model, _HasInputShape) else None
    if isinstance(shape, tuple) and len(shape) == 4 and shape[1] not in (None, image_size):
        why = f"the model takes images of {shape[1]} pixels, not of {image_size}"
        raise damaged(run / CONFIG_FILE, why, f"Put back data.image_size={shape[1]}.")


def _load(file: Path) -> keras.Model:
    try:
        with zipfile.ZipFile(file) as archive:
            broken = archive.testzip()  # Keras itself ignores some damage
        if broken is not None:
            raise ValueError(f"the checksum of {broken} in it differs")
        require_harmless("keras", file)
        _require_hub(file)
        return keras.models.load_model(file, compile=False, safe_mode=True)
    except ConfigError:
        raise
    except Exception as error:  # of zipfile, zlib, h5py or Keras, depending on the damage
        remedy = f"`{typed('fit --resume', file.parent)}` writes it again."
        raise damaged(file, f"{type(error).__name__}: {error}", remedy) from None


def _require_hub(file: Path) -> None:
    """Checks that KerasHub is installed if the model has layers of it."""
    with zipfile.ZipFile(file) as archive:
        needs_hub = b'"keras_hub' in archive.read("config.json")
    if needs_hub and hub_folder() is None:
        raise ConfigError(
            message(
                "The model of the run has layers of KerasHub, which is not installed.",
                install_command("hub"),
                file=str(file),
            )
        )


def load_class_names(run: Path, num_outputs: int) -> tuple[str, ...]:
    """Returns the class names of a run's model, in the order of its outputs.

    Reads them from the newest intact checkpoint, or else from classes.txt.

    Args:
        run: The run directory.
        num_outputs: Number of outputs of the model.

    Raises:
        ConfigError: The run has no model yet.
        CheckpointError: The number of names differs from `num_outputs`.
    """
    file = run / CLASSES_FILE
    names = _names_in_checkpoints(run / CHECKPOINTS_FOLDER)
    if names is None:
        if not file.exists():
            raise _unfinished(file)
        names = tuple(read_checked_text(file).splitlines())
    elif _lines(file) != names:
        notify(f"{file} is damaged: using the classes of the newest checkpoint")
    if len(names) != num_outputs:
        raise damaged(
            file, f"it names {len(names)} classes, but the model has {num_outputs}", ""
        )
    return names


def _names_in_checkpoints(directory: Path) -> tuple[str, ...] | None:
    for name in reversed(checkpoint_names(directory)):
        try:
            settings: Any = read_document(directory / name, "settings")
            return tuple(settings["data"]["class_names"])
        except (CheckpointError, KeyError, TypeError):
            continue  # damaged, or of a run without images
    return None


def _lines(file: Path) -> tuple[str, ...]:
    try:
        return tuple(file.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError):
        return ()


def _unfinished(file: Path) -> ConfigError:
    return ConfigError(
        message(f"The run must be finished; it has no {file.name}.", run=str(file.parent))
    )
