"""Reads tables of metadata, such as age, sex, site and patient of each image."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import DataError
from .columns import other_columns
from .csv_file import CsvFile, column_hint, read_csv, repeated_columns
from .problems import listed_problems

NAME = "data.metadata"


@dataclass(frozen=True)
class MetadataRow:
    """The metadata of one image.

    Attributes:
        image: Name of the image in the table.
        where: File and line of the row.
        cells: Cells in the order of the columns of all tables; empty if missing.
    """

    image: str
    where: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Metadata:
    """The rows of one or several tables.

    Attributes:
        paths: Files of the tables.
        columns: All columns except the names of images.
        rows: Rows of all tables, in order.
    """

    paths: tuple[Path, ...]
    columns: tuple[str, ...]
    rows: tuple[MetadataRow, ...]


def read_metadata(
    paths: Sequence[Path], image_column: str, wanted: Collection[str]
) -> Metadata:
    """Reads tables of metadata.

    Args:
        paths: CSV files with a header.
        image_column: Column with the name of the image.
        wanted: Columns of features and groups; each must be in all tables or in none.

    Raises:
        DataError: A table can't be used; all problems are listed.
    """
    tables = {path: read_csv(path, [image_column, *wanted], NAME) for path in paths}
    every = dict.fromkeys(name for table in tables.values() for name in table.header)
    shared = [image_column, *(name for name in wanted if name in every)]
    problems = [
        f"{path}: {line}"
        for path, table in tables.items()
        for line in _wrong_columns(table, shared)
    ]
    if problems:
        raise metadata_error(paths, problems)
    columns = tuple(name for name in every if name and name != image_column)
    rows = [
        row
        for path, table in tables.items()
        for row in _rows(path, table, image_column, columns)
    ]
    return Metadata(tuple(paths), columns, tuple(rows))


def metadata_error(paths: Sequence[Path], problems: Sequence[str]) -> DataError:
    """Creates the error for tables that can't be joined."""
    expected = f"`{NAME}` must be tables with one row per image."
    return listed_problems(f"{expected} {', '.join(map(str, paths))}:", problems)


def _wrong_columns(table: CsvFile, wanted: Sequence[str]) -> list[str]:
    problems = [
        f"the column {each} occurs more than once"
        for each in repeated_columns(table.header, wanted)
    ]
    for name in wanted:
        if name not in table.header:
            hint = column_hint(table.header, name)
            problems.append(f"it has no column {name}. {hint}")
    return problems


def _rows(
    path: Path, table: CsvFile, image_column: str, columns: Sequence[str]
) -> list[MetadataRow]:
    found, _ = other_columns(table, {image_column})
    empty = [""] * len(table.rows)
    cells = zip(*(found.get(name, empty) for name in columns), strict=True)
    beside = cells if columns else iter([()] * len(table.rows))
    rows = zip(table.rows, table.column(image_column), beside, strict=True)
    return [
        MetadataRow(image, f"{path.name}, line {line}", each)
        for (line, _), image, each in rows
    ]
