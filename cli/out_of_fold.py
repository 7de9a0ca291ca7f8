"""Writes and reads out-of-fold predictions: those of each fold for its held-out images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..core.errors import DataError, message
from ..core.names import some
from ..core.run_layout import FOLD, SPLIT_FILE, VALIDATION_PREDICTIONS_FILE
from ..data.index.image_index import VALIDATION
from ..data.index.split_csv import read_split
from ..evaluation.predictions import (
    Predictions,
    read_predictions,
    write_findable_predictions,
)
from .typed_command import typed


def write_held_out(run: Path, predictions: Predictions) -> None:
    """Writes validation_predictions.csv into a run directory.

    Args:
        run: The run directory.
        predictions: Predictions for the validation images, with labels.
    """
    write_findable_predictions(run / VALIDATION_PREDICTIONS_FILE, predictions)


def read_held_out(run: Path) -> Predictions:
    """Reads the predictions of a run for its validation images.

    Raises:
        DataError: The file is missing, or contains images that split.csv of the run does
            not assign to validation: the model may have been trained on them.
    """
    file = run / VALIDATION_PREDICTIONS_FILE
    if not file.exists():
        raise DataError(
            message(
                f"Each fold must have a {file.name}.",
                f"`{typed('fit --resume', run.parent)}` writes those that are missing.",
                file=str(file),
            )
        )
    predictions = read_predictions(file)
    sides = read_split(run / SPLIT_FILE).by_path
    seen = [name for name in predictions.names if sides.get(name) != VALIDATION]
    if seen:
        raise DataError(
            message(
                f"{file.name} must contain validation images only; {SPLIT_FILE} does not "
                f"hold out {len(seen):,} of them: {some(seen, 3)}.",
                file=str(file),
            )
        )
    return predictions


def read_out_of_fold(run_dir: Path) -> Predictions:
    """Reads the predictions of all folds: each image is predicted by the fold without it.

    Args:
        run_dir: The directory of the folds.

    Raises:
        DataError: A fold is not finished, two folds predict the same image, or a fold was
            trained on an image that it predicts.
    """
    names = [entry.name for entry in run_dir.iterdir() if FOLD.fullmatch(entry.name)]
    folds = [read_held_out(run_dir / name) for name in sorted(names, key=_length_and_name)]
    if not folds:
        raise DataError(message("There must be folds.", run=str(run_dir)))
    joined = _joined(folds)
    if len(set(joined.names)) < len(joined.names):
        raise DataError(
            message(
                "No image may be in the validation split of two folds.", run=str(run_dir)
            )
        )
    return joined


def _length_and_name(name: str) -> tuple[int, str]:
    return len(name), name  # fold-10 after fold-9


def _joined(folds: Sequence[Predictions]) -> Predictions:
    labels = [fold.labels for fold in folds if fold.labels is not None]
    if len({fold.class_names for fold in folds}) > 1 or len(labels) < len(folds):
        raise DataError(
            message(
                "All folds must have labels and the same classes.",
                classes=[list(fold.class_names) for fold in folds],
            )
        )
    return Predictions(
        [name for fold in folds for name in fold.names],
        np.concatenate([fold.probabilities for fold in folds]),
        folds[0].class_names,
        np.concatenate(labels),
    )
