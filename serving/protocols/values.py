"""Parses the values that both protocols share: JSON, pixels and files in base64."""

import base64
import binascii
import itertools
import json
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import RequestError
from ..images import PixelImages

HIGHEST = 255
INPUT = "images"


def parse_object(text: bytes) -> dict[str, Any]:
    """Parses a body that must be a JSON object.

    Raises:
        RequestError: It is not a JSON object (400).
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise bad(f"The body must be JSON: {error}.") from None
    if not isinstance(found, dict):
        raise bad("The body must be a JSON object.")
    return found


def pixels_of(values: Any, size: int) -> PixelImages:
    """Converts numbers to images.

    Args:
        values: `(images, size, size, 3)`, RGB from 0 to 255: nested lists, or an array.
        size: Height and width of the images that the model takes.

    Raises:
        RequestError: The values have another type, shape or range (400).
    """
    array = numbers_of(values)
    if array is None or array.shape[1:] != (size, size, 3) or not len(array):
        given = "not numbers" if array is None else f"of shape {list(array.shape)}"
        raise bad(
            f"`{INPUT}` must be numbers of shape [images, {size}, {size}, 3]; these are "
            f"{given}. Image files are accepted too, in base64."
        )
    if array.dtype == np.uint8:
        return PixelImages(array)
    if not (array.min() >= 0 and array.max() <= HIGHEST):  # NaN is not
        raise bad(f"Values of `{INPUT}` must be numbers from 0 to {HIGHEST}.")
    floats = array.astype(np.float32)
    whole = floats.astype(np.uint8)
    return PixelImages(whole if np.array_equal(whole, floats) else floats)


def numbers_of(values: Any) -> npt.NDArray[Any] | None:
    """Converts nested lists of numbers to a float64 array; returns None for others."""
    if isinstance(values, np.ndarray):
        return values
    if not _are_numbers(values):  # NumPy would take "5" and true for numbers
        return None
    try:
        return np.asarray(values, np.float64)
    except (ValueError, TypeError, OverflowError):
        return None


def _are_numbers(values: Any) -> bool:
    """Returns whether nested lists of uniform depth contain only JSON numbers."""
    level = [values]
    while (types := set(map(type, level))) == {list}:
        level = list(itertools.chain.from_iterable(level))
    return types <= {int, float}


def file_of(text: Any) -> bytes:
    """Decodes base64 to bytes.

    Raises:
        RequestError: The value is not base64 (400).
    """
    try:
        if not isinstance(text, str):
            raise ValueError("it is not a string")
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise bad(f"An image file must be in base64: {error}.") from None


def bad(reason: str) -> RequestError:
    """Returns the error for an invalid request (400)."""
    return RequestError(400, reason)
