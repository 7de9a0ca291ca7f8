"""Reads the predictions of a run for its test images, with information from split.csv.

This does not load TensorFlow.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

import numpy as np
import numpy.typing as npt

from ..core.checked_files import is_damaged
from ..core.console import notify
from ..core.csv_cells import text_of_cell
from ..core.errors import ConfigError, message
from ..core.run_layout import PREDICTIONS_FILE, SPLIT_FILE
from ..evaluation.comparisons.matching import NamedPredictions, known_digests
from ..evaluation.comparisons.paired import compare_paired
from ..evaluation.finding import Finding
from ..evaluation.predictions import Predictions, read_predictions
from .facts import read_rows

Rows = Sequence[Mapping[str, str]]


def compare_runs(first: str | os.PathLike[str], second: str | os.PathLike[str]) -> Finding:
    """Compares two runs on the same test images, with intervals of the difference.

    Args:
        first: Directory of the baseline run.
        second: Directory of the other run.

    Returns:
        A finding whose `values` contain `images`; `scores` by name, with those of both,
        their `difference` (second - first) and its 95% `interval`; and `mcnemar` with a
        `p_value`.

    Raises:
        ConfigError: A run was not tested, or images, labels or classes differ.
        CheckpointError: A file differs from its checksum.
    """
    return compare_paired(read_tested_run(Path(first)), read_tested_run(Path(second)))


def read_tested_run(directory: Path) -> NamedPredictions:
    """Reads predictions.csv and, if it lists the same images, split.csv.

    Raises:
        ConfigError: The run was not tested.
        CheckpointError: A file differs from its checksum.
        DataError: A file can't be read.
    """
    file = directory / PREDICTIONS_FILE
    if not file.exists():
        raise ConfigError(
            message(
                f"Comparing a run requires its {PREDICTIONS_FILE}.",
                f"`keraunos test {directory}` writes it if there are test images.",
                run=str(directory),
            )
        )
    predictions = read_predictions(file)
    rows = _rows_of_test(directory / SPLIT_FILE)
    if rows is None or not _matches_predictions(rows, predictions):
        return NamedPredictions(str(directory), predictions)
    return NamedPredictions(
        str(directory),
        predictions,
        known_digests([row.get("sha256", "") for row in rows]),
        _contradictory(rows),
        _groups(rows),
    )


def _contradictory(rows: Rows) -> npt.NDArray[np.bool_] | None:
    if not all("contradictory" in row for row in rows):
        return None  # a split.csv of an earlier version
    return np.array([row["contradictory"] == "yes" for row in rows])


def _groups(rows: Rows) -> npt.NDArray[np.intp]:
    numbers = [row.get("group") or f"row {place}" for place, row in enumerate(rows)]
    return np.unique(numbers, return_inverse=True)[1]


def _rows_of_test(file: Path) -> Rows | None:
    if is_damaged(file):
        notify(f"{file} is damaged: images are compared by file name")
        return None
    if not file.exists():
        return None
    return [row for row in read_rows(file) if row.get("split") == "test"]


def _matches_predictions(rows: Rows, predictions: Predictions) -> bool:
    """Returns whether the rows are those of the predictions, in the same order."""
    if len(rows) != len(predictions.names) or predictions.labels is None:
        return False
    names = zip(rows, predictions.names, predictions.labels, strict=True)
    return all(
        PurePath(row.get("path", "")).name == PurePath(name).name
        and text_of_cell(row.get("class", "")) == predictions.class_names[label]
        for row, name, label in names
    )
