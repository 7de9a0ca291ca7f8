"""Checks the table cells of a request."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.table_features import TableFeatures
from ...export.portable.rows import CellsError, checked_cells, columns_from
from .values import bad

# The cells of each column, in the order of the images.
Given = Mapping[str, Sequence[Any]]


def names_of_inputs(image: str, columns: TableFeatures | None) -> tuple[str, ...]:
    """Returns the input names that a request must have.

    Args:
        image: Name of the input of images.
        columns: Table columns that the model takes in addition, or None.
    """
    return (image, *(columns.input_names if columns is not None else ()))


def as_input(name: str, columns: TableFeatures | None) -> str:
    """Converts the name of a column to its input name; returns other names unchanged."""
    if columns is None:
        return name
    return dict(zip(columns.names, columns.input_names, strict=True)).get(name, name)


def cells_of(
    given: Given, columns: TableFeatures | None, count: int
) -> dict[str, list[str]] | None:
    """Checks the cells of a request.

    Args:
        given: By input name, a number, text or None for each image, or a list with one.
        columns: Table columns that the model takes, or None.
        count: Number of images.

    Returns:
        The cells as text, by column; None if the model takes no columns.

    Raises:
        RequestError: The numbers of cells and images differ, or the model can't take a
            cell (400).
    """
    if columns is None:
        return None
    pairs = zip(columns.names, columns.input_names, strict=True)
    by_name = {name: list(map(_unwrap_single, given[input])) for name, input in pairs}
    wrong = [name for name, cells in by_name.items() if len(cells) != count]
    if wrong:
        raise bad(f"There must be one cell of {', '.join(wrong)} for each image.")
    return columns_from(
        [
            _check_cells(number, columns, dict(zip(by_name, row, strict=True)))
            for number, row in enumerate(zip(*by_name.values(), strict=True))
        ]
    )


def _unwrap_single(cell: Any) -> Any:
    return cell[0] if isinstance(cell, list) and len(cell) == 1 else cell


def _check_cells(
    number: int, columns: TableFeatures, row: Mapping[str, Any]
) -> dict[str, str]:
    try:
        return checked_cells(columns, row)
    except CellsError as error:
        raise bad(f"Image {number} of the request can't be used: {error}.") from None
