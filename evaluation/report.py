"""Writes the files of a test into a run directory: scores, predictions, figures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from ..core.checked_files import note_checksum, write_checked_json
from ..core.files import write_csv
from ..core.run_layout import (
    CONFUSION_MATRIX_FILE,
    CONFUSION_MATRIX_IMAGE,
    MISTAKES_IMAGE,
    PREDICTIONS_FILE,
    TEST_FILE,
)
from .figures import (
    Images,
    confusion_matrix_figure,
    mistakes_figure,
    most_confident_mistakes,
    save_figure,
)
from .predictions import Predictions, write_predictions


def draw_mistakes(
    predictions: Predictions,
    load_images: Callable[[npt.NDArray[np.int64]], Images],
    count: int = 24,
    columns: int = 6,
) -> Figure:
    """Draws the most confident mistakes.

    Args:
        predictions: Predictions with labels.
        load_images: Returns images by row of the predictions.
        count: Maximum number of images.
        columns: Images per row.
    """
    if predictions.labels is None:
        raise ValueError("Mistakes can't be found without labels.")
    rows = most_confident_mistakes(predictions.labels, predictions.probabilities, count)
    return mistakes_figure(
        load_images(rows),
        predictions.labels[rows],
        predictions.probabilities[rows],
        predictions.class_names,
        columns,
    )


def write_report(
    directory: Path,
    predictions: Predictions,
    scores: dict[str, Any],
    load_images: Callable[[npt.NDArray[np.int64]], Images],
) -> None:
    """Writes the files of a test into a run directory.

    They are predictions.csv, confusion_matrix.csv and .png, mistakes.png, and test.json,
    which is the last: if it exists, so do the others.

    Args:
        directory: The run directory.
        predictions: Predictions with labels.
        scores: Content of test.json.
        load_images: Returns images by row of the predictions.
    """
    if predictions.labels is None:
        raise ValueError("A report requires labels.")
    names = predictions.class_names
    matrix = np.array(scores["confusion_matrix"])
    write_predictions(directory / PREDICTIONS_FILE, predictions)
    note_checksum(directory / PREDICTIONS_FILE)
    write_csv(
        directory / CONFUSION_MATRIX_FILE,
        ["true \\ predicted", *names],
        ([name, *row] for name, row in zip(names, matrix.tolist(), strict=True)),
    )
    save_figure(confusion_matrix_figure(matrix, names), directory / CONFUSION_MATRIX_IMAGE)
    save_figure(draw_mistakes(predictions, load_images), directory / MISTAKES_IMAGE)
    write_checked_json(directory / TEST_FILE, scores)
