"""Asks a SavedModel to decode images itself, as TensorFlow Serving does."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from .document import parse_document, read_model_document, read_model_files
from .fields import ModelFileError, read_regular

BYTES_SIGNATURE = "serving_bytes"
IMAGE_BYTES = "image_bytes"

_MOST_BYTES = 2**31
_ASSERTION = re.compile(r"assertion failed: \[(.*?)\]", re.DOTALL)
Row = dict[str, Any]
Ask = Callable[[Sequence[bytes]], list[Row]]


def predict_from_bytes(
    directory: Path, files: Iterable[str | os.PathLike[str]], batch_size: int = 32
) -> Iterator[Row]:
    """Predicts the classes of image files by the signature that takes bytes.

    Args:
        directory: Of an export as SavedModel.
        files: JPEG and PNG files.
        batch_size: How many go through the model at a time.

    Yields:
        For each file `file`, and `class`, `probability` and `probabilities`, or `error`.

    Raises:
        ModelFileError: It is no such export.
    """
    ask = _opened(directory)
    names = (os.fspath(file) for file in files)
    while batch := list(islice(names, batch_size)):
        yield from _predict(ask, batch)


def _opened(directory: Path) -> Ask:
    document = read_model_document(directory)
    parse_document(document)
    files = read_model_files(directory, document)
    if files.format != "saved_model":
        raise ModelFileError(
            "Only a SavedModel decodes images itself. Received: "
            f"format={files.format!r}. Leave --from-bytes away."
        )
    import tensorflow as tf

    model: Any = tf.saved_model.load(os.fspath(files.file))
    infer = model.signatures[BYTES_SIGNATURE]

    def ask(contents: Sequence[bytes], model: Any = model) -> list[Row]:
        try:
            found = infer(**{IMAGE_BYTES: tf.constant(list(contents))})
        except tf.errors.InvalidArgumentError as error:
            if len(contents) > 1:  # one of them; which one it does not say
                return [row for each in contents for row in ask([each])]
            return [{"error": _reason(error.message)}]
        return _rows(**{name: tensor.numpy() for name, tensor in found.items()})

    return ask


def _predict(ask: Ask, names: Sequence[str]) -> Iterator[Row]:
    read = [_read(name) for name in names]
    contents = [content for content in read if isinstance(content, bytes)]
    rows = iter(ask(contents) if contents else [])
    for name, content in zip(names, read, strict=True):
        found = next(rows) if isinstance(content, bytes) else {"error": content}
        yield {"file": name, **found}


def _read(name: str) -> bytes | str:
    """The bytes of a file, or the reason why there are none."""
    try:
        return read_regular(Path(name), _MOST_BYTES)
    except OSError as error:
        return error.strerror or str(error)


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
