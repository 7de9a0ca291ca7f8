"""Loads models from `.keras` files and runs."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import keras
import tensorflow as tf

from ...core.errors import CheckpointError, ConfigError, message
from ...core.run_layout import MODEL_FILE
from ...core.user_path import user_path

ModelOrPath: TypeAlias = keras.Model | str | os.PathLike[str]


def as_model(
    value: ModelOrPath, make_strategy: Callable[[], tf.distribute.Strategy]
) -> keras.Model:
    """Returns a model unchanged, or loads it in the scope of a strategy.

    Args:
        value: A model, a `.keras` file, or a run that has a `model.keras`.
        make_strategy: Creates the strategy to load the model with.

    Raises:
        ConfigError: `value` is none of these.
        CheckpointError: The file can't be read.
    """
    if isinstance(value, keras.Model):
        return value
    if not isinstance(value, str | os.PathLike):
        raise ConfigError(
            message(
                "`model` must be a keras.Model, a .keras file or a run.",
                "Pass the result of fit: result.model.",
                model=type(value).__name__,
            )
        )
    file = _file(user_path(value))
    with make_strategy().scope():
        return _load(file)


def _file(path: Path) -> Path:
    file = path / MODEL_FILE if path.is_dir() else path
    if not file.is_file():
        raise ConfigError(
            message(
                "`model` must be a .keras file, or a run that has a model.keras.",
                "Is the path correct, and the run finished?",
                model=str(path),
            )
        )
    return file


def _load(file: Path) -> keras.Model:
    try:
        return keras.models.load_model(file, safe_mode=True)
    except Exception as error:  # Keras has no error class for damaged files
        raise CheckpointError(
            message(
                "The file must be a model that Keras can load, but is not "
                f"({type(error).__name__}: {(str(error).splitlines() or [''])[0]}).",
                "Restore it from a copy; load a model with custom classes yourself: "
                "keras.models.load_model(..., custom_objects=...).",
                file=str(file),
            )
        ) from None
