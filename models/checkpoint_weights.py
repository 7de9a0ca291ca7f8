"""Reads the weights of checkpoints, and restores those of the best one."""

from collections.abc import Iterable
from pathlib import Path

import keras

from ..core.bundle import Arrays, read_bundle
from ..core.checkpoints import best_checkpoint
from ..core.run_layout import FROZEN_FOLDER
from .variables import assign_values, changing_variables


def read_weights(checkpoint: Path) -> Arrays:
    """Reads all weights of a checkpoint by name, including frozen ones.

    Raises:
        CheckpointError: The weights can't be read.
    """
    frozen = checkpoint.with_name(FROZEN_FOLDER)
    unchanged = read_bundle(frozen).arrays["weights"] if frozen.is_dir() else {}
    return unchanged | read_bundle(checkpoint).arrays["weights"]


def restore_best(model: keras.Model, directory: Path | None) -> None:
    """Loads the weights of a run's best checkpoint into its model, if there is one.

    Args:
        model: The model of the run.
        directory: The checkpoints directory of the run, or None.

    Raises:
        CheckpointError: The weights can't be read.
    """
    best = best_checkpoint(directory)
    if best is None:
        return
    changing = changing_variables(model)
    assign_values(changing, read_changing(best, changing))


def read_changing(checkpoint: Path, names: Iterable[str]) -> Arrays:
    """Reads weights by name; frozen ones are read if needed.

    Args:
        checkpoint: Directory of the checkpoint.
        names: Names of the weights.

    Raises:
        CheckpointError: The weights can't be read.
    """
    weights = read_bundle(checkpoint).arrays["weights"]
    if not set(names) <= weights.keys():  # some were frozen at that time
        weights = read_weights(checkpoint)
    return {name: weights[name] for name in names}
