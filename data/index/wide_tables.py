"""Recognises tables that have a column per class, and says how to read them."""

from collections.abc import Collection, Sequence

from .label_checks import is_one_each, one_hot_columns
from .table_file import TableFile

_SHOWN = 4


def about_wide_table(table: TableFile, others: Collection[str]) -> str:
    """What to do about a table with a column of 0 and 1 for each class.

    Args:
        table: A table without the column of labels.
        others: Columns that have another meaning.

    Returns:
        A line, or nothing if it is no such table.
    """
    columns = {name: table.column(name) for name in table.header if name not in others}
    found = one_hot_columns(columns)
    if not found:
        return ""
    shown = ", ".join(found[:_SHOWN]) + ", ..." * (len(found) > _SHOWN)
    start = f"it has a column per class ({shown}) where one column of labels is needed"
    if not is_one_each([columns[name] for name in found]):
        return (
            f"{start}, and rows with none or several of them: several labels per image are "
            "not supported yet"
        )
    chosen = f"table{_chosen(table, found)}"
    return f'{start}. With pandas: table["label"] = {chosen}.idxmax(axis=1)'


def _chosen(table: TableFile, names: Sequence[str]) -> str:
    """How pandas selects columns: as a range where they lie beside each other."""
    first = table.header.index(names[0])
    if table.header[first : first + len(names)] == list(names):
        return f'.loc[:, "{names[0]}":"{names[-1]}"]'
    return f"[{list(names)}]"
