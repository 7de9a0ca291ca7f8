"""Finds the runs of a trial: one in its directory, or one per fold below it."""

import re
from pathlib import Path

from ..core.checkpoints import best_checkpoint, checkpoint_names, remove_all
from ..core.removal import remove_file
from ..core.run_layout import CHECKPOINTS_FOLDER, FOLD, MODEL_FILE

_MODEL = re.compile(re.escape(MODEL_FILE))


def has_folds(trial: Path) -> bool:
    """Returns whether a directory contains a trial over folds that has started one."""
    return runs_of(trial) != [trial]


def runs_of(trial: Path) -> list[Path]:
    """Returns the directories of a trial's runs: its folds in order, or itself."""
    below = trial.iterdir() if trial.is_dir() else ()
    folds = [each for each in below if FOLD.fullmatch(each.name) and each.is_dir()]
    in_order = sorted(folds, key=lambda each: int(each.name.rpartition("-")[2]))
    return in_order or [trial]


def is_exportable(run: Path) -> bool:
    """Returns whether a run has weights, but no exported model yet."""
    has_weights = best_checkpoint(run / CHECKPOINTS_FOLDER) is not None
    return has_weights and not (run / MODEL_FILE).exists()


def reached(trial: Path) -> str:
    """Returns the newest checkpoint of a trial; empty before the first.

    Example:
        >>> reached(Path("no-trial"))
        ''
    """
    run = runs_of(trial)[-1]
    newest = next(reversed(checkpoint_names(run / CHECKPOINTS_FOLDER)), "")
    return newest if run == trial else f"{run.name}/{newest}"


def forget_weights(trial: Path) -> None:
    """Removes checkpoints and models of a trial, and keeps its other files."""
    for run in runs_of(trial):
        remove_all(run / CHECKPOINTS_FOLDER)
        remove_file(run, MODEL_FILE, _MODEL)
