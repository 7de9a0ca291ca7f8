"""Predicts with a SavedModel that decodes images itself, as in TensorFlow Serving."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ...core.table_features import TableFeatures
from .document import parse_document, read_model_document, read_model_files
from .fields import ModelFileError, read_regular
from .rows import CellsError, ImageRow, checked_cells, columns_from

BYTES_SIGNATURE = "serving_bytes"
IMAGE_BYTES = "image_bytes"

_MAX_BYTES = 2**31
_ASSERTION = re.compile(r"assertion failed: \[(.*?)\]", re.DOTALL)
Row = dict[str, Any]
# The bytes of a file, and its cells by column.
_Read = tuple[bytes, dict[str, str]]
Ask = Callable[[Sequence[_Read]], list[Row]]


def predict_from_bytes(
    directory: Path, rows: Iterable[ImageRow], batch_size: int = 32
) -> Iterator[Row]:
    """Predicts the classes of image files with the signature for bytes.

    Args:
        directory: Directory of an export in the format `saved_model`.
        rows: JPEG and PNG files, each with its table cells.
        batch_size: Number of images per call.

    Yields:
        For each file, `file`, and `class`, `probability` and `probabilities`, or `error`.

    Raises:
        ModelFileError: The directory is not such an export.
    """
    columns, ask = _opened(directory)
    pairs = ((os.fspath(file), cells) for file, cells in rows)
    while batch := list(islice(pairs, batch_size)):
        yield from _predict(columns, ask, batch)


def _opened(directory: Path) -> tuple[TableFeatures | None, Ask]:
    document = read_model_document(directory)
    columns = parse_document(document).columns
    files = read_model_files(directory, document)
    if files.format != "saved_model":
        raise ModelFileError(
            "Only a SavedModel decodes images itself. Received: "
            f"format={files.format!r}. Leave out --from-bytes."
        )
    import tensorflow as tf

    model: Any = tf.saved_model.load(os.fspath(files.file))
    infer = model.signatures[BYTES_SIGNATURE]

    def ask(read: Sequence[_Read], model: Any = model) -> list[Row]:
        inputs: dict[str, Any] = {IMAGE_BYTES: [content for content, _ in read]}
        if columns is not None:
            cells = columns_from([each for _, each in read])
            arrays = columns.arrays(cells).values()
            inputs.update(zip(columns.input_names, arrays, strict=True))
        try:
            found = infer(**{name: tf.constant(each) for name, each in inputs.items()})
        except tf.errors.InvalidArgumentError as error:
            if len(read) > 1:  # the error does not identify the image
                return [row for each in read for row in ask([each])]
            return [{"error": _reason(error.message)}]
        return _rows(**{name: tensor.numpy() for name, tensor in found.items()})

    return columns, ask


def _predict(
    columns: TableFeatures | None,
    ask: Ask,
    batch: Sequence[tuple[str, Mapping[str, Any]]],
) -> Iterator[Row]:
    read = [_read(columns, *each) for each in batch]
    usable = [each for each in read if not isinstance(each, str)]
    rows = iter(ask(usable) if usable else [])
    for (name, _), each in zip(batch, read, strict=True):
        found = {"error": each} if isinstance(each, str) else next(rows)
        yield {"file": name, **found}


def _read(columns: TableFeatures | None, name: str, row: Mapping[str, Any]) -> _Read | str:
    """Reads a file and its cells; returns the reason if they can't be used."""
    try:
        return read_regular(Path(name), _MAX_BYTES), checked_cells(columns, row)
    except OSError as error:
        return error.strerror or str(error)
    except CellsError as error:
        return str(error)


def _rows(classes: Any, probabilities: Any, **outputs: Any) -> list[Row]:
    names = [[name.decode() for name in row] for row in classes]
    return [
        {
            "class": best.decode(),
            "probability": float(row.max()),
            "probabilities": dict(zip(each, row.tolist(), strict=True)),
        }
        for best, each, row in zip(outputs["class"], names, probabilities, strict=True)
    ]


def _reason(text: str) -> str:
    found = _ASSERTION.search(text)
    return found[1] if found else text.splitlines()[0]
