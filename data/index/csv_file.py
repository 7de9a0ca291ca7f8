"""Reads CSV files, and detects their encoding and delimiter."""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import DataError, message, reason_of
from ...core.files import open_regular
from ...core.names import did_you_mean
from .folders import slash_hint

_DELIMITERS = ",;\t"
_LOOKED_AT = 100  # rows used to find the delimiter
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class CsvFile:
    """The cells of a table, with normalized white space.

    Attributes:
        header: Names of the columns.
        rows: Nonempty rows, each with its line number.
    """

    header: list[str]
    rows: list[tuple[int, list[str]]]

    def column(self, name: str) -> list[str]:
        """Returns the cells of a column; empty if a row is too short.

        Args:
            name: A name in `header`.
        """
        place = self.header.index(name)
        return [cells[place] if place < len(cells) else "" for _, cells in self.rows]


def read_csv(path: Path, wanted: Collection[str], name: str) -> CsvFile:
    """Reads a CSV file in UTF-8 or, with a byte order mark, UTF-16.

    Args:
        path: The file, with commas, semicolons or tabs as delimiters.
        wanted: Expected columns, from which the delimiter is detected.
        name: The setting that names the file, for messages, such as `"data.train"`.

    Raises:
        DataError: The file can't be read, or has no rows below its header.
    """
    try:
        with open_regular(path) as file:
            text = _decode(file.read())
        header, *rows = _rows(text, _delimiter(text, wanted)) or [(0, [])]
    except (OSError, ValueError, csv.Error) as error:
        raise _unreadable_error(error, path, name) from None
    if not rows:
        raise DataError(
            message(
                f"`{name}` must be a table with a header and one row per image.",
                **{name: str(path)},
            )
        )
    return CsvFile(header[1], rows)


def _decode(content: bytes) -> str:
    if content.startswith(_UTF_16):
        return content.decode("utf-16")
    text = content.decode("utf-8-sig")
    if "\0" in text:
        raise ValueError("it contains NUL bytes")
    return text


def _delimiter(text: str, wanted: Collection[str]) -> str:
    """Returns the delimiter that finds most wanted columns, then most rows of equal length.

    Counting characters would include those in quotes and decimal commas.
    """

    def fitness(delimiter: str) -> tuple[int, float, int]:
        rows = [cells for _, cells in _rows(text, delimiter, _LOOKED_AT)]
        if not rows:
            return 0, 0.0, 0
        lengths = Counter(map(len, rows))
        alike = lengths[len(rows[0])] / len(rows) if len(rows[0]) > 1 else 0.0
        return len(set(rows[0]) & set(wanted)), alike, len(rows[0])

    return max(_DELIMITERS, key=fitness)


def _rows(
    text: str, delimiter: str, most: int | None = None
) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    found: list[tuple[int, list[str]]] = []
    for cells in reader:
        if any(cells):
            found.append((reader.line_num, [" ".join(cell.split()) for cell in cells]))
        if len(found) == most:
            break
    return found


def _unreadable_error(error: Exception, path: Path, name: str) -> DataError:
    why = reason_of(error)
    remedy = slash_hint(path)
    if isinstance(error, ValueError):
        why = "it is not text in UTF-8"
        remedy = "Save it as CSV in UTF-8; Excel calls this `CSV UTF-8`."
    return DataError(
        message(
            f"`{name}` must be a readable table ({why}).",
            remedy,
            **{name: str(path)},
        )
    )


def column_hint(header: Sequence[str], name: str) -> str:
    """Suggests the column for a misspelled name, or lists all columns."""
    return did_you_mean(name, header) or f"It has {', '.join(header)}."


def repeated_columns(header: Sequence[str], wanted: Collection[str]) -> list[str]:
    """Returns the wanted columns that occur more than once in the header."""
    return [
        each for each in dict.fromkeys(header) if each in wanted and header.count(each) > 1
    ]
