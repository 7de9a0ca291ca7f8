"""Reads values of an untrusted JSON document."""

import json
import math
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_MAX_BYTES = 64 * 2**20


class ModelFileError(ValueError):
    """Raised for an unusable file of an exported model, with the reason."""


class Fields:
    """The values of an object in a document, each checked when it is read.

    Args:
        value: The object.
        name: Its prefix in messages, such as `decisions.`; empty for the document.

    Raises:
        ModelFileError: The value is not an object. All methods raise it for wrong values.

    Example:
        >>> fields = Fields({"classes": ["cat", "dog"]})
        >>> fields.names("classes")
        ('cat', 'dog')
        >>> fields.number("size")
        Traceback (most recent call last):
            ...
        keraunos.export.portable.fields.ModelFileError: `size` must be a finite number. \
Received: size=None.
    """

    def __init__(self, value: Any, name: str = "") -> None:
        self._name = name
        self._values = self._expect(
            name.rstrip("."), value, isinstance(value, Mapping), "an object"
        )

    def __iter__(self) -> Any:
        """Iterates over the names of the values."""
        return iter(self._values)

    def get(self, name: str) -> Any:
        """Returns an unchecked value, or None."""
        return self._values.get(name)

    def object(self, name: str) -> "Fields":
        """Returns an object."""
        return Fields(self.get(name), f"{self._name}{name}.")

    def optional(self, name: str) -> "Fields | None":
        """Returns an object, or None for null."""
        return None if self.get(name) is None else self.object(name)

    def objects(self, name: str) -> dict[str, "Fields"]:
        """Returns an object of objects."""
        outer = self.object(name)
        return {key: outer.object(key) for key in outer}

    def text(self, name: str) -> str:
        """Returns a text."""
        value = self.get(name)
        return str(self._take(name, value, _is_text(value), "text"))

    def flag(self, name: str) -> bool:
        """Returns a boolean."""
        value = self.get(name)
        return bool(self._take(name, value, isinstance(value, bool), "true or false"))

    def number(self, name: str) -> float:
        """Returns a finite number."""
        value = self.get(name)
        return float(self._take(name, value, _is_number(value), "a finite number"))

    def optional_number(self, name: str) -> float | None:
        """Returns a finite number, or None for null."""
        return None if self.get(name) is None else self.number(name)

    def whole(self, name: str, least: int, most: int) -> int:
        """Returns an integer within bounds."""
        value = self.get(name)
        is_right = type(value) is int and least <= value <= most
        return int(
            self._take(name, value, is_right, f"a whole number from {least} to {most}")
        )

    def names(self, name: str, known: Sequence[str] | None = None) -> tuple[str, ...]:
        """Returns a list of at least one text, all distinct.

        Args:
            name: Name of the list.
            known: Valid texts; None for any.
        """
        value = self.texts(name)
        is_right = 0 < len(value) == len(set(value))
        if known is not None:
            is_right = is_right and set(value) <= set(known)
        wanted = "a list of distinct names" + (" of classes" if known is not None else "")
        self._take(name, list(value), is_right, wanted)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Returns a list of texts."""
        value = self.get(name)
        is_right = isinstance(value, list) and all(map(_is_text, value))
        return tuple(self._take(name, value, is_right, "a list of texts"))

    def words(self, name: str) -> tuple[str, ...]:
        """Returns a list of distinct texts, one of which may be empty."""
        value = self.get(name)
        is_right = (
            isinstance(value, list)
            and all(each == "" or _is_text(each) for each in value)
            and 0 < len(value) == len(set(value))
        )
        return tuple(self._take(name, value, is_right, "a list of distinct texts"))

    def array(self, name: str) -> "list[Fields]":
        """Returns a list of objects."""
        value = self.get(name)
        self._take(name, value, isinstance(value, list), "a list")
        return [Fields(each, f"{self._name}{name}.{n}.") for n, each in enumerate(value)]

    def numbers(self, name: str, count: int) -> tuple[float, ...]:
        """Returns a list of `count` finite numbers."""
        value = self.get(name)
        is_right = (
            isinstance(value, list) and len(value) == count and all(map(_is_number, value))
        )
        wanted = f"a list of {count} finite numbers"
        return tuple(map(float, self._take(name, value, is_right, wanted)))

    def _take(self, name: str, value: Any, is_right: bool, wanted: str) -> Any:
        return self._expect(self._name + name, value, is_right, wanted)

    @staticmethod
    def _expect(name: str, value: Any, is_right: bool, wanted: str) -> Any:
        if is_right:
            return value
        what = f"`{name}`" if name else "The document"
        raise ModelFileError(f"{what} must be {wanted}. Received: {name}={_shown(value)}.")


def read_document(file: Path) -> Any:
    """Reads JSON from a regular file of a reasonable size.

    Raises:
        ModelFileError: The file can't be read, or is not JSON.
    """
    try:
        content = read_regular(file, _MAX_BYTES)
        return json.loads(content.decode())
    except OSError as error:
        raise ModelFileError(f"{file} can't be read: {error.strerror or error}.") from None
    except RecursionError:
        raise ModelFileError(f"{file} must be JSON; it is nested too deeply.") from None
    except ValueError as error:
        raise ModelFileError(f"{file} must be JSON in UTF-8: {error}.") from None


def read_regular(file: Path, most: int) -> bytes:
    """Reads a regular file, without waiting for pipes or devices.

    Raises:
        OSError: The file can't be read, is not regular, or has more bytes than `most`.
    """
    status = file.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(0, "it is not a regular file")
    if status.st_size > most:
        raise OSError(0, f"it has more than {most} bytes")
    with file.open("rb") as opened:
        return opened.read(most)


def _is_text(value: Any) -> bool:
    if not isinstance(value, str) or not value:
        return False
    return not any("\ud800" <= letter <= "\udfff" for letter in value)  # invalid in UTF-8


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e30 and math.isfinite(value)


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return f"<{type(value).__name__}>"
    return text if len(text) <= 200 else f"{text[:200]}..."
