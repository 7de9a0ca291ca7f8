"""What the page sends: an image, behind the cells of a table that go with it."""

from ...core.table_features import TableFeatures
from ..images import Cells
from ..protocols.cells import as_input, cells_of
from ..protocols.open_inference import json_bytes
from ..protocols.values import bad, parse_object


def read_upload(
    body: bytes, header_length: str | None, columns: TableFeatures | None
) -> tuple[bytes, Cells]:
    """The bytes of an image file, and its cells.

    Args:
        body: The image; where the model takes columns, behind an object of JSON with a
            number, a text or null for each.
        header_length: How much of the body is JSON.
        columns: That the model takes, or None.

    Raises:
        RequestError: A column is missing, or the model can't take its cell (400).
    """
    if columns is None:
        return body, None
    length = 0 if header_length is None else json_bytes(body, header_length)
    given = parse_object(body[:length] or b"{}")
    missing = [name for name in columns.names if name not in given]
    if missing:
        raise bad(f"The model takes the columns {', '.join(missing)}, too.")
    cells = {as_input(name, columns): [cell] for name, cell in given.items()}
    return body[length:], cells_of(cells, columns, 1)
