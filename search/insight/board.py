"""Writes a search to TensorBoard: its trials under HPARAMS, and its figure.

A folder that can't be written does not end a search.
"""

import functools
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...callbacks.tolerance import Tolerance
from ..study import Study, Trial
from ..tuning.hparams import write_experiment, write_session
from .running import show_scores


def show_trial(directory: Path, study: Study, trial: Trial) -> None:
    """Writes an ended trial into its own directory and that of the search."""
    show_search(directory, study)
    with _tolerance_of(directory):
        show_scores(directory, study)
    score = None
    if trial.score is not None:
        score = (study.objective.name, trial.score, trial.best_epoch)
    place = directory / trial.name
    with Tolerance(f"the TensorBoard files of {trial.name}"):
        write_session(place, trial.name, trial.values, score, trial.standard_error)


def show_search(
    directory: Path, study: Study, image: npt.NDArray[np.uint8] | None = None
) -> None:
    """Writes the search space, and the figure, `(height, width, 3)`."""
    has_errors = any(trial.standard_error is not None for trial in study.trials.values())
    space, name = study.oracle.hyperparameters, study.objective.name
    with _tolerance_of(directory):
        write_experiment(directory, space, name, has_errors, image)


@functools.cache
def _tolerance_of(directory: Path) -> Tolerance:
    """Returns the same object for a search, so that an error is reported once."""
    return Tolerance(f"the TensorBoard files in {directory}")
