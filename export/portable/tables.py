"""Tables whose rows name an image each, with columns that a model takes."""

import csv
import io
import itertools
from collections.abc import Iterator
from pathlib import Path

from ...data.files.formats import EXTENSIONS
from .fields import ModelFileError, read_regular
from .rows import ImageRow

EXTENSION = ".csv"
_MOST_BYTES = 2**30
_DELIMITERS = ",;\t"


def is_table(name: str) -> bool:
    """Whether a file is a table, by its name."""
    return name.lower().endswith(EXTENSION)


def read_table(path: Path, root: Path | None, image_column: str) -> Iterator[ImageRow]:
    """The images that a table names, in its order.

    Args:
        path: A CSV file in UTF-8 with a header; divided by commas, semicolons or tabs.
        root: Folder of the images; by default that of the table.
        image_column: Names the image by its path below `root`, or by the name of its file
            wherever that is below `root`; both with or without the extension.

    Raises:
        ModelFileError: It can't be read, or has no such column.
    """
    root = path.parent if root is None else root
    try:
        text = read_regular(path, _MOST_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise ModelFileError(f"{path} can't be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise ModelFileError(f"{path} must be text in UTF-8.") from None
    header, *rows = _cells(text, image_column)
    if header.count(image_column) != 1 or len(set(header)) < len(header):
        raise ModelFileError(
            f"{path} must have one column {image_column!r} and names that differ. "
            f"Received: {', '.join(header)}. Name another with --image-column."
        )
    names: dict[str, set[str]] = {}  # filled where a name is no path
    for row in rows:
        cells = dict(itertools.zip_longest(header, row[: len(header)], fillvalue=""))
        yield _file_of(cells[image_column], root, names), cells


def _cells(text: str, image_column: str) -> list[list[str]]:
    """The rows that are not empty, by the delimiter that finds the column of images."""
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
    """The file of a name: one that just one file fits, or the path that it would have."""
    if (root / name).is_file():
        return str(root / name)
    if not names:
        names.update(_files_by_name(root))
    found = names.get(name, ())
    return next(iter(found)) if len(found) == 1 else str(root / name)


def _files_by_name(root: Path) -> dict[str, set[str]]:
    """The images below a folder by all that they can be called."""
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
