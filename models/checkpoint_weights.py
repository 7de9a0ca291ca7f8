"""Reads the weights of checkpoints, and puts those of the best one into a model."""

from collections.abc import Iterable
from pathlib import Path

import keras

from ..core.bundle import Arrays, read_bundle
from ..core.checkpoints import best_checkpoint
from ..core.run_layout import FROZEN_FOLDER
from .variables import assign_values, changing_variables


def read_weights(checkpoint: Path) -> Arrays:
    """All weights by name: those that training changed, and those it left alone.

    Raises:
        CheckpointError: They can't be read.
    """
    frozen = checkpoint.with_name(FROZEN_FOLDER)
    unchanged = read_bundle(frozen).arrays["weights"] if frozen.is_dir() else {}
    return unchanged | read_bundle(checkpoint).arrays["weights"]


def restore_best(model: keras.Model, directory: Path | None) -> None:
    """Loads the weights of a run's best checkpoint into its model, if there is one.

    Args:
        model: Of the run.
        directory: Where the run has its checkpoints, or None.

    Raises:
        CheckpointError: They can't be read.
    """
    best = best_checkpoint(directory)
    if best is None:
        return
    changing = changing_variables(model)
    assign_values(changing, read_changing(best, changing))


def read_changing(checkpoint: Path, names: Iterable[str]) -> Arrays:
    """The weights that training changes, by name; what is frozen is read if needed.

    Args:
        checkpoint: Its directory.
        names: Of the weights.

    Raises:
        CheckpointError: They can't be read.
    """
    weights = read_bundle(checkpoint).arrays["weights"]
    if not set(names) <= weights.keys():  # some trained only later
        weights = read_weights(checkpoint)
    return {name: weights[name] for name in names}
