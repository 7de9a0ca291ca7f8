"""Reads which split a table gives to each of its images."""

from collections.abc import Collection, Sequence

from .image_index import SPLIT_NAMES
from .image_names import summary
from .split_words import split_of
from .table_file import TableFile

AUTO = "auto"


def choose_split_column(
    table: TableFile, wanted: str | None, others: Collection[str]
) -> tuple[str | None, list[str]]:
    """Finds the column of splits.

    Args:
        table: The table.
        wanted: What the column is called, None for none, or `"auto"`: `split` in any case.
        others: Columns that have another meaning.

    Returns:
        Its name, or None where there is none; and lines on columns that may be one.
    """
    if wanted != AUTO:
        return (wanted if wanted in table.header else None), []
    free = [name for name in table.header if name not in others]
    named = next((name for name in free if name.casefold() == "split"), None)
    if named is not None:
        return named, []
    doubts = [
        f"the column {name} seems to name splits ({', '.join(sorted(values))}): "
        f"data.split_column={name} uses them, data.split_column=null does not"
        for name in free
        if len(values := set(table.column(name))) <= len(SPLIT_NAMES)
        and len(_meant(values)) > 1
    ]
    return None, doubts


def read_splits(table: TableFile, column: str | None) -> tuple[list[str], list[str]]:
    """The split of each row, empty where a table has none, and lines on unknown ones.

    Values such as `Train`, `val`, `dev` or `test_set` are understood.
    """
    if column is None:
        return [""] * len(table.rows), []
    cells = table.column(column)
    splits = {cell: split_of(cell) for cell in set(cells)}
    unknown = [
        f"line {line}: {cell or 'nothing'}"
        for (line, _), cell in zip(table.rows, cells, strict=True)
        if splits[cell] not in SPLIT_NAMES
    ]
    what = f"rows have none of {', '.join(SPLIT_NAMES)} in the column {column}"
    remedy = " (data.split_column=null overlooks it)"
    return [splits[cell] or "" for cell in cells], summary(what + remedy, unknown)


def _meant(values: Collection[str]) -> Sequence[str]:
    """The splits that values mean, or nothing if one of them means none."""
    meant = [split_of(value) for value in values]
    return [s for s in meant if s in SPLIT_NAMES] if None not in meant else []
