"""Where `predict.py` writes: JSON lines to the screen, or a table to a file."""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ...core.csv_cells import ERROR_COLUMN, csv_bytes
from .fields import ModelFileError

Row = dict[str, Any]
Write = Callable[[Row], None]


def write_line(row: Row) -> None:
    """Writes a row to standard output, as a line of JSON."""
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


@contextlib.contextmanager
def csv_file(path: Path, columns: Sequence[str]) -> Iterator[Write]:
    """Writes rows into a table, which gets its name when all of them are there.

    Args:
        path: The table. Until then it is `NAME.partial`; an earlier one is replaced.
        columns: Between the file and the error.

    Raises:
        ModelFileError: It can't be written.
    """
    partial, names = (
        path.with_name(f"{path.name}.partial"),
        ("file", *columns, ERROR_COLUMN),
    )
    try:
        with partial.open("wb") as file:
            file.write(csv_bytes([names]))
            yield lambda row: _append(file, [str(row.get(name, "")) for name in names])
        os.replace(partial, path)
    except OSError as error:
        raise ModelFileError(f"{path} can't be written: {error.strerror}.") from None


def _append(file: Any, cells: Sequence[str]) -> None:
    file.write(csv_bytes([cells]))
