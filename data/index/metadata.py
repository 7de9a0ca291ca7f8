"""Tables that say more of images than those that list them: age, sex, site, patient."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import DataError
from .columns import other_columns
from .csv_file import CsvFile, column_hint, read_csv, repeated_columns

NAME = "data.metadata"


@dataclass(frozen=True)
class MetadataRow:
    """What a table says of one image.

    Attributes:
        image: Its name there.
        where: The file and the line.
        cells: In the order of the columns of all tables; empty for no value.
    """

    image: str
    where: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Metadata:
    """The rows of one or several tables.

    Attributes:
        paths: Of the tables.
        columns: All that they have beside the names of images.
        rows: In their order.
    """

    paths: tuple[Path, ...]
    columns: tuple[str, ...]
    rows: tuple[MetadataRow, ...]


def read_metadata(
    paths: Sequence[Path], image_column: str, wanted: Collection[str]
) -> Metadata:
    """Reads tables that are to be joined.

    Args:
        paths: CSV files with a header.
        image_column: Names the image in each.
        wanted: Columns of features and groups; what one table has of them, all must have.

    Raises:
        DataError: A table can't be used; all that is wrong is named.
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
    """The error for tables that can't be joined."""
    lines = [
        f"`{NAME}` must be tables with one row for each image. "
        f"{', '.join(map(str, paths))}:",
        *(f"  {each}" for each in problems),
    ]
    return DataError("\n".join(lines))


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
