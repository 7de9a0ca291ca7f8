"""Reads the uploads of the page: the table cells of an image, and the image."""

from ...core.table_features import TableFeatures
from ..images import Cells
from ..protocols.cells import as_input, cells_of
from ..protocols.open_inference import json_bytes
from ..protocols.values import bad, parse_object


def read_upload(
    body: bytes, header_length: str | None, columns: TableFeatures | None
) -> tuple[bytes, Cells]:
    """Returns the bytes of an image file, and its table cells.

    Args:
        body: The image; if the model takes columns, after a JSON object with a number,
            string or null for each.
        header_length: Number of bytes of JSON at the start of the body.
        columns: Table columns that the model takes, or None.

    Raises:
        RequestError: A column is missing, or the model can't take its cell (400).
    """
    if columns is None:
        return body, None
    length = 0 if header_length is None else json_bytes(body, header_length)
    given = parse_object(body[:length] or b"{}")
    missing = [name for name in columns.names if name not in given]
    if missing:
        raise bad(f"The model also takes the columns {', '.join(missing)}.")
    cells = {as_input(name, columns): [cell] for name, cell in given.items()}
    return body[length:], cells_of(cells, columns, 1)
