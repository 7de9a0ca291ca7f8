"""Formats predictions as rows of CSV or JSON lines."""

import base64
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from ..core.csv_cells import ERROR_COLUMN, csv_bytes, text_of_cell
from ..core.errors import CheckpointError, message
from ..core.files import open_regular
from ..export.portable.prediction_table import PredictionTable
from .predictor import Predicted, Predictor


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
    """A table like `predictions.csv` of a run; see `PredictionTable`.

    If there is no prediction, `error` holds the reason, and the other cells are empty.

    Args:
        predictor: Source of the predictions.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._table = PredictionTable(predictor.document)
        self.columns = ("file", *self._table.columns, ERROR_COLUMN)
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
        rows = self._table.describe(predicted.answers)
        empty = [""] * len(self._table.columns)
        for read, problem, row in predicted.images:
            cells = empty if problem else rows[row].values()
            yield [read.image.name, *cells, problem]


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
