"""Reads tensors of the Open Inference Protocol, in JSON or binary."""

import itertools
import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..images import EncodedImages, Images
from .values import INPUT, bad, file_of, numbers_of, pixels_of

DTYPES = {"FP32": "<f4", "UINT8": "|u1"}
BYTES = "BYTES"
_NUMBERS = {"FP32": "<f4", "FP64": "<f8", "INT32": "<i4", "INT64": "<i8"}  # of columns
_LENGTH = struct.Struct("<I")


def read_images(tensor: dict[str, Any], content: bytes | None, size: int) -> Images:
    """Returns the images of an input tensor.

    Args:
        tensor: The tensor: `name`, `datatype`, `shape`, and `data` unless it is binary.
        content: Its binary data, or None.
        size: Height and width of the images that the model takes.

    Raises:
        RequestError: The tensor is not an input of the model (400).
    """
    if tensor.get("name") != INPUT:
        raise bad(f"The model has one input, `{INPUT}`.")
    shape = _shape(tensor.get("shape"))
    datatype = tensor.get("datatype")
    if datatype == BYTES:
        return _encoded(tensor, content, shape)
    if not isinstance(datatype, str) or datatype not in DTYPES:
        raise bad(f"The datatype of `{INPUT}` must be {', '.join(DTYPES)} or {BYTES}.")
    if shape[1:] != (size, size, 3):
        raise bad(f"The shape of `{INPUT}` must be [images, {size}, {size}, 3].")
    return pixels_of(_pixels(tensor, content, shape, np.dtype(DTYPES[datatype])), size)


def read_cells(tensor: dict[str, Any], content: bytes | None) -> list[Any]:
    """Returns the cells of a column: numbers, text, or None for null.

    Args:
        tensor: The tensor, of shape `[images]` or `[images, 1]`.
        content: Its binary data, or None.

    Raises:
        RequestError: The tensor is invalid (400).
    """
    name = str(tensor.get("name"))
    shape, datatype = _shape(tensor.get("shape"), name), tensor.get("datatype")
    if len(shape) > 2 or shape[1:] not in ((), (1,)):
        raise bad(f"The shape of `{name}` must be [images] or [images, 1].")
    if datatype != BYTES and datatype not in _NUMBERS:
        known = ", ".join(_NUMBERS)
        raise bad(f"The datatype of `{name}` must be {known} or {BYTES}.")
    if content is None:
        cells = _flat(tensor.get("data"), name)
    elif datatype == BYTES:
        cells = [text.decode("utf-8", "replace") for text in _unpack_strings(content, name)]
    else:
        dtype = np.dtype(_NUMBERS[datatype])
        if len(content) != shape[0] * dtype.itemsize:
            raise bad(f"The binary data of `{name}` must have the size of its shape.")
        cells = np.frombuffer(content, dtype).tolist()
    if len(cells) != shape[0]:
        raise bad(f"`{name}` must have as many cells as its shape requires.")
    return cells


def pack_strings(strings: Sequence[bytes]) -> bytes:
    """Packs strings as the binary data of a tensor, each after its length."""
    return b"".join(part for each in strings for part in (_LENGTH.pack(len(each)), each))


def _shape(shape: Any, name: str = INPUT) -> tuple[int, ...]:
    if (
        not isinstance(shape, list)
        or not shape
        or not all(type(each) is int and 0 < each < 2**31 for each in shape)
    ):
        raise bad(f"`{name}` must have a shape of whole numbers above 0.")
    return tuple(shape)


def _pixels(
    tensor: dict[str, Any],
    content: bytes | None,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
) -> npt.NDArray[Any]:
    if content is not None:
        if len(content) != math.prod(shape) * dtype.itemsize:
            raise bad(f"The binary data of `{INPUT}` must have the size of its shape.")
        return np.frombuffer(content, dtype).reshape(shape)
    values = numbers_of(tensor.get("data"))
    if values is None or values.size != math.prod(shape):
        raise bad(f"`{INPUT}` must have as many numbers as its shape requires.")
    if dtype.kind == "u" and not np.array_equal(values, np.floor(values)):
        raise bad(f"`{INPUT}` must be whole numbers, as its datatype requires.")
    return values.reshape(shape)


def _encoded(
    tensor: dict[str, Any], content: bytes | None, shape: tuple[int, ...]
) -> EncodedImages:
    if len(shape) > 2 or shape[1:] not in ((), (1,)):
        raise bad(f"The shape of `{INPUT}` must be [images] or [images, 1], as files.")
    if content is not None:
        strings = _unpack_strings(content)
    else:
        strings = [file_of(each) for each in _flat(tensor.get("data"))]
    if len(strings) != shape[0]:
        raise bad(f"`{INPUT}` must have as many files as its shape requires.")
    return EncodedImages(strings)


def _flat(data: Any, name: str = INPUT) -> list[Any]:
    """Flattens a list, or a list of lists."""
    if not isinstance(data, list):
        raise bad(f"`{name}` must have `data`, a list.")
    parts = (each if isinstance(each, list) else [each] for each in data)
    return list(itertools.chain.from_iterable(parts))


def _unpack_strings(content: bytes, name: str = INPUT) -> list[bytes]:
    strings, place = [], 0
    while place < len(content):
        if place + _LENGTH.size > len(content):
            raise bad(f"The binary data of `{name}` ends in the middle of a length.")
        (length,) = _LENGTH.unpack_from(content, place)
        place += _LENGTH.size
        if place + length > len(content):
            raise bad(f"The binary data of `{name}` ends in the middle of a string.")
        strings.append(content[place : place + length])
        place += length
    return strings
