"""Formats predictions as rows of CSV or JSON lines."""

import base64
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..core.errors import CheckpointError, message
from ..core.files import csv_bytes, open_regular, text_of_cell
from ..evaluation.predictions import ERROR_COLUMN, PROBABILITY_PREFIX
from ..export.portable.answers import Answers
from .predictor import Predicted, Predictor

CORRECTED_PREFIX = "corrected:"
LABEL_SEPARATOR = "|"


class Rows(Protocol):
    """Format of the rows of predictions.

    Attributes:
        columns: Names of the columns.
        head: Content before the first row.
    """

    columns: tuple[str, ...]
    head: bytes

    def of(self, predicted: Predicted) -> bytes:
        """Formats the predictions of a batch."""

    def names_in(self, path: Path) -> Iterator[str]:
        """Yields the names of the images in a file of such rows."""


class CsvRows:
    """A table like `predictions.csv` of a classifier, with two more kinds of columns.

    The columns `probability:CLASS` hold the uncorrected probabilities, and `prediction`
    their most probable class, as in the predictions of a test. If the model has a
    calibration correction, `corrected:CLASS` holds the corrected probabilities. If there is
    no prediction, `error` holds the reason, and the other cells are empty.

    Args:
        predictor: Source of the predictions.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._classes = predictor.document.classes
        self._is_corrected = predictor.document.correction is not None
        corrected = self._classes if self._is_corrected else ()
        self.columns = (
            "file",
            "prediction",
            *(PROBABILITY_PREFIX + name for name in self._classes),
            *(CORRECTED_PREFIX + name for name in corrected),
            ERROR_COLUMN,
        )
        self.head = csv_bytes([self.columns])

    def of(self, predicted: Predicted) -> bytes:
        """Formats the predictions of a batch."""
        return csv_bytes(self._cells(predicted))

    def names_in(self, path: Path) -> Iterator[str]:
        """Yields the names of the images in a table."""
        with open_regular(path) as file:
            lines = io.TextIOWrapper(file, "utf-8", "surrogateescape", newline="")
            rows = csv.reader(lines)
            next(rows, None)
            yield from (text_of_cell(row[0]) for row in rows)

    def _cells(self, predicted: Predicted) -> Iterator[list[str]]:
        rows = self._rows(predicted.answers)
        empty = [""] * (len(self.columns) - 2)
        for read, problem, row in predicted.images:
            yield [read.image.name, *(empty if problem else rows[row]), problem]

    def _rows(self, answers: Answers) -> list[list[str]]:
        """Returns the cells of the predictions, without image names and errors."""
        uncorrected = answers.uncorrected
        parts = (uncorrected, answers.probabilities)
        numbers = np.hstack(parts) if self._is_corrected else uncorrected
        best = uncorrected.argmax(axis=1)
        return [
            [self._classes[place], *map(_in_digits, row)]
            for place, row in zip(best, numbers, strict=True)
        ]


def csv_rows(predictor: Predictor) -> CsvRows:
    """Creates the table format for the task of a model."""
    kinds = {"multi_label": LabelRows, "regression": NumberRows}
    return kinds.get(predictor.document.task, CsvRows)(predictor)


class LabelRows(CsvRows):
    """A table like `predictions.csv` of a multi-label run, with the column `error`.

    Args:
        predictor: Source of the predictions.
    """

    def __init__(self, predictor: Predictor) -> None:
        super().__init__(predictor)
        self._describe = predictor.describe

    def _rows(self, answers: Answers) -> list[list[str]]:
        return [
            [
                LABEL_SEPARATOR.join(found["labels"]),
                *map(_in_digits, found["probabilities"].values()),
            ]
            for found in self._describe(answers)
        ]


class NumberRows(CsvRows):
    """A table like `predictions.csv` of a regression run, with the column `error`.

    Args:
        predictor: Source of the predictions.
    """

    def __init__(self, predictor: Predictor) -> None:
        super().__init__(predictor)
        self._describe = predictor.describe
        kinds = ("prediction", "low", "high")
        names = predictor.document.classes
        cells = (f"{kind}:{name}" for name in names for kind in kinds)
        self.columns = ("file", *cells, ERROR_COLUMN)
        self.head = csv_bytes([self.columns])

    def _rows(self, answers: Answers) -> list[list[str]]:
        return [
            [
                "" if number is None else _in_digits(number)
                for name, value in found["values"].items()
                for number in (value, *(found["intervals"][name] or (None, None)))
            ]
            for found in self._describe(answers)
        ]


def _in_digits(value: float) -> str:
    return f"{value:.9g}"


class JsonRows:
    """One JSON object per line: `file`, and the result of `Predictor.describe` or `error`.

    If the model has a calibration correction, `probabilities` are corrected and
    `uncorrected` holds the others. If a name is not valid UTF-8, `file_base64` holds its
    bytes.

    Args:
        predictor: Source of the predictions.
    """

    head = b""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._classes = predictor.document.classes
        self._is_corrected = predictor.document.correction is not None
        self.columns = ("file", *self._classes)

    def of(self, predicted: Predicted) -> bytes:
        """Formats the predictions of a batch."""
        return "".join(f"{json.dumps(row)}\n" for row in self._objects(predicted)).encode()

    def names_in(self, path: Path) -> Iterator[str]:
        """Yields the names of the images in a file of such rows."""
        with open_regular(path) as file:
            for number, line in enumerate(file, 1):
                try:
                    yield _name_of(json.loads(line))
                except (ValueError, KeyError, TypeError):
                    raise CheckpointError(
                        message(
                            "Each line must be a prediction of Keraunos.",
                            file=path,
                            line=number,
                        )
                    ) from None

    def _objects(self, predicted: Predicted) -> Iterator[dict[str, Any]]:
        described = self._predictor.describe(predicted.answers)
        for read, problem, row in predicted.images:
            found = _named(read.image.name)
            if problem:
                yield found | {ERROR_COLUMN: problem}
                continue
            found |= described[row]
            if self._is_corrected:
                numbers = predicted.answers.uncorrected[row].tolist()
                found["uncorrected"] = dict(zip(self._classes, numbers, strict=True))
            yield found


def _named(name: str) -> dict[str, Any]:
    raw = name.encode("utf-8", "surrogateescape")
    try:
        return {"file": raw.decode()}
    except UnicodeDecodeError:
        shown = raw.decode(errors="replace")
        return {"file": shown, "file_base64": base64.b64encode(raw).decode()}


def _name_of(row: dict[str, Any]) -> str:
    if "file_base64" in row:
        raw = base64.b64decode(row["file_base64"], validate=True)
        return raw.decode("utf-8", "surrogateescape")
    return str(row["file"])
