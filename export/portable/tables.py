"""Reads tables with an image in each row and the columns that a model takes."""

import csv
import io
import itertools
from collections.abc import Iterator
from pathlib import Path

from ...data.files.formats import EXTENSIONS
from .fields import ModelFileError, read_regular
from .rows import ImageRow

EXTENSION = ".csv"
_MAX_BYTES = 2**30
_DELIMITERS = ",;\t"


def is_table(name: str) -> bool:
    """Returns whether a file name is that of a table."""
    return name.lower().endswith(EXTENSION)


def read_table(path: Path, root: Path | None, image_column: str) -> Iterator[ImageRow]:
    """Yields the image file and the cells of each row.

    Args:
        path: A CSV file in UTF-8 with a header, separated by commas, semicolons or tabs.
        root: Folder of the images; by default that of the table.
        image_column: Name of the column with the path of the image relative to `root`, or
            the name of its file anywhere below `root`, with or without the extension.

    Raises:
        ModelFileError: The table can't be read, or does not have this column.
    """
    root = path.parent if root is None else root
    try:
        text = read_regular(path, _MAX_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise ModelFileError(f"{path} can't be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise ModelFileError(f"{path} must be text in UTF-8.") from None
    header, *rows = _cells(text, image_column)
    if header.count(image_column) != 1 or len(set(header)) < len(header):
        raise ModelFileError(
            f"{path} must have one column {image_column!r} and no duplicate columns. "
            f"Received: {', '.join(header)}. Choose another with --image-column."
        )
    names: dict[str, set[str]] = {}  # filled once a name is not a path
    for row in rows:
        cells = dict(itertools.zip_longest(header, row[: len(header)], fillvalue=""))
        yield _file_of(cells[image_column], root, names), cells


def _cells(text: str, image_column: str) -> list[list[str]]:
    """Returns the rows that are not empty, split by the delimiter that fits the header."""
    found: list[list[str]] = [[]]
    for delimiter in _DELIMITERS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        rows = [[cell.strip() for cell in row] for row in reader if any(row)]
        if rows and (image_column in rows[0] or not found[0]):
            found = rows
        if image_column in found[0]:
            break
    return found


def _file_of(name: str, root: Path, names: dict[str, set[str]]) -> str:
    """Returns the only file that matches a name, or else the name as a path in `root`."""
    if (root / name).is_file():
        return str(root / name)
    if not names:
        names.update(_files_by_name(root))
    found = names.get(name, ())
    return next(iter(found)) if len(found) == 1 else str(root / name)


def _files_by_name(root: Path) -> dict[str, set[str]]:
    """Maps each name or path, with and without extension, to the matching images."""
    found: dict[str, set[str]] = {"": set()}
    for file in root.rglob("*"):
        if file.suffix.lower() not in EXTENSIONS:
            continue
        path = file.relative_to(root)
        for name in {
            path.as_posix(),
            path.with_suffix("").as_posix(),
            path.name,
            path.stem,
        }:
            found.setdefault(name, set()).add(str(file))
    return found
