"""Cells of a table beside the images of a request."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.table_features import TableFeatures
from ...export.portable.rows import CellsError, checked_cells, columns_from
from .values import bad

# What requests may hold for a column: its cells in the order of the images.
Given = Mapping[str, Sequence[Any]]


def names_of_inputs(image: str, columns: TableFeatures | None) -> tuple[str, ...]:
    """The inputs that a request must have: images, and what graphs call each column.

    Args:
        image: The name of the input of images.
        columns: That the model takes beside them, or None.
    """
    return (image, *(columns.input_names if columns is not None else ()))


def as_input(name: str, columns: TableFeatures | None) -> str:
    """What graphs call a column that is named as in its table; other names as they are."""
    if columns is None:
        return name
    return dict(zip(columns.names, columns.input_names, strict=True)).get(name, name)


def cells_of(
    given: Given, columns: TableFeatures | None, count: int
) -> dict[str, list[str]] | None:
    """Checks the cells of a request.

    Args:
        given: By input name, numbers, text or None for each image, or lists of one of them.
        columns: That the model takes, or None.
        count: Of images.

    Returns:
        Text by column; None if the model takes no columns.

    Raises:
        RequestError: Their number differs from that of the images, or the model can't take
            one of them (400).
    """
    if columns is None:
        return None
    pairs = zip(columns.names, columns.input_names, strict=True)
    by_name = {name: list(map(_alone, given[input])) for name, input in pairs}
    wrong = [name for name, cells in by_name.items() if len(cells) != count]
    if wrong:
        raise bad(f"There must be one cell of {', '.join(wrong)} for each image.")
    return columns_from(
        [
            _checked(number, columns, dict(zip(by_name, row, strict=True)))
            for number, row in enumerate(zip(*by_name.values(), strict=True))
        ]
    )


def _alone(cell: Any) -> Any:
    return cell[0] if isinstance(cell, list) and len(cell) == 1 else cell


def _checked(number: int, columns: TableFeatures, row: Mapping[str, Any]) -> dict[str, str]:
    try:
        return checked_cells(columns, row)
    except CellsError as error:
        raise bad(f"Image {number} of the request can't be used: {error}.") from None
