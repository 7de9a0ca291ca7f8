"""Predictions of a classifier, and their table."""

import csv
import hashlib
import io
import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.checked_files import CHECKSUMS_FILE, damaged, is_damaged, note_checksum
from ..core.csv_cells import ERROR_COLUMN, PROBABILITY_PREFIX, text_of_cell
from ..core.errors import DataError, message, reason_of
from ..core.files import open_regular, write_csv
from .confusion import confusion_matrix


@dataclass(frozen=True)
class Predictions:
    """Predictions of a classifier for a set of images.

    Attributes:
        names: File of each image.
        probabilities: `(images, classes)` float32.
        class_names: Names of the classes.
        labels: `(images,)` true classes, or None if unknown.
    """

    names: Sequence[str]
    probabilities: npt.NDArray[np.float32]
    class_names: Sequence[str]
    labels: npt.NDArray[np.int32] | None = None

    def confusion_matrix(self) -> npt.NDArray[np.int64]:
        """Returns the confusion matrix, `(classes, classes)`, with true classes as rows."""
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
            where: `(images,)` bool; all images by default.
            groups: `(images,)` numbers shared by images of one group, such as a patient;
                see `classification_scores`.
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

    def write_table(self, path: Path) -> None:
        """Writes predictions.csv; see `write_predictions`."""
        write_predictions(path, self)


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Writes predictions.csv: file, label if known, prediction and `probability:CLASS`."""
    names = predictions.class_names
    rows = predictions.probabilities
    columns: dict[str, Sequence[object]] = {"file": predictions.names}
    if predictions.labels is not None:
        columns["label"] = [names[label] for label in predictions.labels]
    columns["prediction"] = [names[place] for place in rows.argmax(axis=1)]
    for place, name in enumerate(names):
        columns[f"{PROBABILITY_PREFIX}{name}"] = [
            f"{value:.9g}" for value in rows[:, place]
        ]
    write_csv(path, list(columns), zip(*columns.values(), strict=True))


def write_findable_predictions(path: Path, predictions: Predictions) -> None:
    """Writes predictions with absolute paths, as in split.csv, and a checksum."""
    names = [os.path.abspath(name) for name in predictions.names]
    write_predictions(path, replace(predictions, names=names))
    note_checksum(path)


def read_predictions(path: Path) -> Predictions:
    """Reads a table of `write_predictions`; labels are None if unknown.

    Rows with an `error`, as in tables of `keraunos predict`, are skipped.

    Raises:
        CheckpointError: The file differs from its checksum.
        DataError: The file can't be read, or is not a table of predictions.
    """
    if is_damaged(path):
        raise damaged(path, f"its SHA-256 differs from {CHECKSUMS_FILE}", "Test again.")
    try:
        with open_regular(path) as file:
            lines = io.TextIOWrapper(file, "utf-8", "surrogateescape", newline="")
            return _read_rows(csv.reader(lines))
    except (OSError, ValueError, IndexError, KeyError, StopIteration, csv.Error) as error:
        raise DataError(
            message(
                "A table of predictions must have the columns file, label if known, and "
                f"probability:CLASS for each class ({reason_of(error)}).",
                file=str(path),
            )
        ) from None


def _read_rows(reader: Iterator[list[str]]) -> Predictions:
    header = next(reader)
    name_place = header.index("file")
    label_place = header.index("label") if "label" in header else None
    columns = [i for i, name in enumerate(header) if name.startswith(PROBABILITY_PREFIX)]
    class_names = tuple(header[i].removeprefix(PROBABILITY_PREFIX) for i in columns)
    places = {name: place for place, name in enumerate(class_names)}
    names: list[str] = []
    labels, values = array("i"), array("f")  # four bytes each, for many rows
    error_place = header.index(ERROR_COLUMN) if ERROR_COLUMN in header else None
    for row in reader:
        if error_place is not None and row[error_place]:
            continue
        names.append(text_of_cell(row[name_place]))
        values.extend(float(row[i]) for i in columns)
        if label_place is not None:
            labels.append(places[text_of_cell(row[label_place])])
    return Predictions(
        names,
        np.array(values, np.float32).reshape(len(names), len(columns)),
        class_names,
        None if label_place is None else np.array(labels, np.int32),
    )


def digest_of(
    names: Sequence[str],
    targets: npt.NDArray[Any] | None,
    outputs: npt.NDArray[np.floating],
    chosen: Sequence[float | None],
) -> str:
    """Returns a digest of predictions of any task, independent of file paths.

    Args:
        names: Names of the outputs.
        targets: The targets, if known.
        outputs: Outputs of the model.
        chosen: Thresholds or widths of intervals, which affect scores, too.
    """
    digest = hashlib.sha256("\0".join(names).encode())
    for values in (targets, outputs):
        digest.update(
            b"-" if values is None else np.ascontiguousarray(values, "<f4").tobytes()
        )
    digest.update(repr(list(chosen)).encode())
    return digest.hexdigest()
