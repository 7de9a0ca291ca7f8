"""Loads the initial weights of a new run."""

import os
import zipfile
from pathlib import Path
from typing import TypeAlias

import keras
import numpy as np

from ...core.checkpoints import best_checkpoint, checkpoint_names
from ...core.errors import CheckpointError, ConfigError, message
from ...core.run_layout import CHECKPOINTS_FOLDER
from ...core.user_path import user_path
from ...models.checkpoint_weights import read_weights
from ...models.variables import (
    Arrays,
    assign_values,
    changing_variables,
    copy_values,
    frozen_variables,
)
from ...strategies import Workers

PathOfWeights: TypeAlias = str | os.PathLike[str]

_FILES = (".keras", ".weights.h5", ".h5")


def find_weights(path: PathOfWeights) -> Path:
    """Finds the file or checkpoint at a path; for a run, its best or newest checkpoint.

    Raises:
        ConfigError: There is none.
    """
    given = user_path(path)
    checkpoints = given / CHECKPOINTS_FOLDER
    if given.is_file() and given.name.endswith(_FILES):
        return given
    if checkpoints.is_dir():
        found = best_checkpoint(checkpoints)
        names = checkpoint_names(checkpoints)
        if found is None and names:
            found = checkpoints / names[-1]
        if found is not None:
            return found
    elif given.is_dir():
        return given
    raise ConfigError(
        message(
            "`initial_weights` must be a run, one of its checkpoints, or a .keras or "
            ".weights.h5 file.",
            "Is the path correct, relative to the current folder?",
            initial_weights=str(path),
        )
    )


def load_initial_weights(model: keras.Model, path: PathOfWeights, workers: Workers) -> None:
    """Loads weights into a model. All workers must call this.

    Args:
        model: The model, built.
        path: See `find_weights`; read by the chief only.
        workers: The workers that train the model.

    Raises:
        ConfigError: There are no weights, or they belong to another model.
        CheckpointError: The weights can't be read.
    """
    variables = changing_variables(model) | frozen_variables(model)
    try:
        values = _read(model, find_weights(path)) if workers.is_chief else {}
        assign_values(variables, workers.share(values))
    except (ValueError, KeyError) as error:
        raise ConfigError(
            message(
                "`initial_weights` must come from a model with the same layers: "
                f"{str(error).splitlines()[0]}",
                "Build the model that they belong to.",
                initial_weights=str(path),
            )
        ) from None
    except (OSError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            message(
                f"The initial weights must be readable, but are not ({error}).",
                "Restore the file from a copy.",
                initial_weights=str(path),
            )
        ) from None


def _read(model: keras.Model, path: Path) -> Arrays:
    if path.is_dir():
        return read_weights(path)
    kept = [np.array(variable.numpy()) for variable in model.optimizer.variables]
    model.load_weights(path)
    for variable, value in zip(model.optimizer.variables, kept, strict=True):
        variable.assign(value)  # a .keras file may contain optimizer variables
    return copy_values(changing_variables(model) | frozen_variables(model))
