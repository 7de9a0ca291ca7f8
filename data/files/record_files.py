"""Reads images from record files, which hold many images with random access.

The path of an image in a record file consists of the file, the number of the record, and
the original name: `packed/images-00002.array_record/0000017/nevus/a.jpg`. Like all images,
it is identified by the SHA-256 of its bytes.
"""

import functools
import importlib
import os
import re
from typing import Any, NamedTuple

from ...core.errors import ConfigError, message
from ...core.extras import install_command

SUFFIX = ".array_record"
# The first match counts: an image that is packed again keeps its earlier path as its name.
_PLACE = re.compile(rf"{re.escape(SUFFIX)}/([0-9]+)(?:/|$)")
_RANDOM_ACCESS = "readahead_buffer_size:0,max_parallelism:0"
_OPEN_FILES = 64


class Record(NamedTuple):
    """Location of the bytes of an image: a record file, and the number of the record."""

    file: str
    number: int


def record_of(path: str) -> Record | None:
    """Returns the location of an image in a record file; None for other paths.

    Example:
        >>> record_of("packed/images-00002.array_record/17/nevus/a.jpg")
        Record(file='packed/images-00002.array_record', number=17)
        >>> record_of("nevus/a.jpg") is None
        True
    """
    place = _PLACE.search(path)
    if place is None:
        return None
    return Record(path[: place.start()] + SUFFIX, int(place[1]))


def file_on_disk(path: str) -> str:
    """Returns the file that an image is read from: its own, or a record file."""
    record = record_of(path)
    return path if record is None else record.file


def is_image_file(path: str) -> bool:
    """Returns whether the file that an image is read from exists."""
    return os.path.isfile(file_on_disk(path))


def read_record(record: Record) -> bytes:
    """Reads the bytes of a record, and verifies their checksum.

    Raises:
        OSError: There is no such record, or it is damaged.
        ConfigError: The package array-record is not installed.
    """
    try:
        content: bytes = _open(record.file).read([record.number])[0]
    except (RuntimeError, IndexError, ValueError) as error:
        reason = str(error).partition(";")[0] or "there is no such record"
        raise OSError(0, f"can't be read from its record file ({reason})") from None
    return content


def num_records(file: str) -> int:
    """Returns the number of images in a record file.

    Raises:
        OSError: The file can't be read, or appears to be empty.
        ConfigError: The package array-record is not installed.
    """
    try:
        count = int(_open(file).num_records())
    except (RuntimeError, ValueError) as error:
        reason = str(error).partition(";")[0]
        raise OSError(0, f"it is not a record file ({reason})") from None
    if not count:
        raise OSError(0, "it is a record file without records, or truncated")
    return count


def record_library() -> Any:
    """Imports the package that reads and writes record files.

    Raises:
        ConfigError: The package is not installed.
    """
    try:
        return importlib.import_module("array_record.python.array_record_module")
    except ImportError as error:
        raise ConfigError(
            message(
                f"Record files need the package array-record ({error}).",
                install_command("pack"),
                package="array-record",
            )
        ) from None


def _open(file: str) -> Any:
    status = os.stat(file)
    return _reader(file, status.st_size, status.st_ctime_ns)


@functools.lru_cache(_OPEN_FILES)
def _reader(file: str, *stamp: int) -> Any:
    """Returns an open record file; the stamp reopens it after changes."""
    return record_library().ArrayRecordReader(file, _RANDOM_ACCESS)
