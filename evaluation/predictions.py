"""What a classifier predicts for a set of images, and the table of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.files import write_csv
from .confusion import confusion_matrix


@dataclass(frozen=True)
class Predictions:
    """What a classifier said of a set of images.

    Attributes:
        names: File of each image.
        probabilities: `(images, classes)` float32.
        class_names: Names of the classes.
        labels: `(images,)` true classes, or None where they are not known.
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

    def scores(
        self,
        where: npt.NDArray[np.bool_] | None = None,
        groups: npt.NDArray[np.integer] | None = None,
    ) -> dict[str, Any]:
        """Scores all predictions, or those for which `where` is true.

        Args:
            where: `(images,)`; all by default.
            groups: `(images,)` numbers that images of one patient, say, share; see
                `classification_scores`.
        """
        if self.labels is None:
            raise ValueError("Predictions without labels can't be scored.")
        from .scores import classification_scores  # loads scikit-learn

        chosen = slice(None) if where is None else where
        return classification_scores(
            self.labels[chosen],
            self.probabilities[chosen],
            self.class_names,
            None if groups is None else groups[chosen],
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
