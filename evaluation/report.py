"""Writes down what a model said of each picture, and how good that was."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from ..core.checked_files import write_checked_json
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
    confusion_matrix_picture,
    mistakes_picture,
    most_confident_mistakes,
    save_picture,
)
from .scores import classification_scores, confusion_matrix


@dataclass(frozen=True)
class Predictions:
    """What a classifier said of a set of pictures.

    Attributes:
        names: File of each picture.
        probabilities: `(pictures, classes)` float32.
        class_names: Names of the classes.
        labels: `(pictures,)` true classes, or None where they are not known.
    """

    names: Sequence[str]
    probabilities: npt.NDArray[np.float32]
    class_names: Sequence[str]
    labels: npt.NDArray[np.int32] | None = None

    def confusion_matrix(self) -> npt.NDArray[np.int64]:
        """`(classes, classes)`: how often each true class (row) was taken for each."""
        if self.labels is None:
            raise ValueError("Predictions without labels have no confusion matrix.")
        return confusion_matrix(self.labels, self.probabilities)

    def scores(self, where: npt.NDArray[np.bool_] | None = None) -> dict[str, Any]:
        """Scores all predictions, or those for which `where` is true."""
        if self.labels is None:
            raise ValueError("Predictions without labels can't be scored.")
        chosen = slice(None) if where is None else where
        return classification_scores(
            self.labels[chosen], self.probabilities[chosen], self.class_names
        )


def draw_mistakes(
    predictions: Predictions,
    load_images: Callable[[npt.NDArray[np.int64]], Images],
    count: int = 24,
    columns: int = 6,
) -> Figure:
    """Shows the most confident mistakes among predictions with labels.

    Args:
        predictions: With labels.
        load_images: Hands out pictures by row of the predictions.
        count: How many to show, at most.
        columns: How many of them beside each other.
    """
    if predictions.labels is None:
        raise ValueError("Mistakes can't be told without labels.")
    rows = most_confident_mistakes(predictions.labels, predictions.probabilities, count)
    return mistakes_picture(
        load_images(rows),
        predictions.labels[rows],
        predictions.probabilities[rows],
        predictions.class_names,
        columns,
    )


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Writes predictions.csv: file, label if known, prediction, probabilities.

    The columns of probabilities are called `probability:CLASS`.
    """
    names = predictions.class_names
    rows = predictions.probabilities
    columns: dict[str, Sequence[object]] = {"file": predictions.names}
    if predictions.labels is not None:
        columns["label"] = [names[label] for label in predictions.labels]
    columns["prediction"] = [names[place] for place in rows.argmax(axis=1)]
    for place, name in enumerate(names):
        columns[f"probability:{name}"] = [f"{value:.9g}" for value in rows[:, place]]
    write_csv(path, list(columns), zip(*columns.values(), strict=True))


def write_report(
    directory: Path,
    predictions: Predictions,
    scores: dict[str, Any],
    load_images: Callable[[npt.NDArray[np.int64]], Images],
) -> None:
    """Writes all there is to see of a test into a run directory.

    test.json, predictions.csv, confusion_matrix.csv and .png, and mistakes.png.

    Args:
        directory: Where to write.
        predictions: With labels.
        scores: What goes into test.json.
        load_images: Hands out pictures by row of the predictions.
    """
    if predictions.labels is None:
        raise ValueError("A report needs labels.")
    names = predictions.class_names
    matrix = np.array(scores["confusion_matrix"])
    write_checked_json(directory / TEST_FILE, scores)
    write_predictions(directory / PREDICTIONS_FILE, predictions)
    write_csv(
        directory / CONFUSION_MATRIX_FILE,
        ["true \\ predicted", *names],
        ([name, *row] for name, row in zip(names, matrix.tolist(), strict=True)),
    )
    save_picture(
        confusion_matrix_picture(matrix, names), directory / CONFUSION_MATRIX_IMAGE
    )
    save_picture(draw_mistakes(predictions, load_images), directory / MISTAKES_IMAGE)
