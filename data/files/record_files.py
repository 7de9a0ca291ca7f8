"""Images in record files: many in one file, each of which can be read on its own.

An image in a record file has a path like any other: the file, the number of the record,
and the name that it had: `packed/images-00002.array_record/0000017/nevus/a.jpg`. It is
read where the bytes of any image are, and is known by their SHA-256 as all are.
"""

import functools
import importlib
import os
import re
from typing import Any, NamedTuple

from ...core.errors import ConfigError, message

SUFFIX = ".array_record"
# The first such place: packed once more, an image keeps its earlier path as its name.
_PLACE = re.compile(rf"{re.escape(SUFFIX)}/([0-9]+)(?:/|$)")
_RANDOM_ACCESS = "readahead_buffer_size:0,max_parallelism:0"
_OPEN_FILES = 64


class Record(NamedTuple):
    """Where the bytes of an image are: a record file, and the number of the record."""

    file: str
    number: int


def record_of(path: str) -> Record | None:
    """Where an image lies in a record file; None if its path is that of a file.

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
    """The file that an image is read from: its own, or a record file."""
    record = record_of(path)
    return path if record is None else record.file


def is_image_file(path: str) -> bool:
    """Whether there is a file that an image can be read from."""
    return os.path.isfile(file_on_disk(path))


def read_record(record: Record) -> bytes:
    """The bytes of a record, whose checksum is verified.

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
    """How many images a record file holds.

    Raises:
        OSError: It can't be read, or holds none, as far as the library can see.
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
    """The package that reads and writes record files.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        return importlib.import_module("array_record.python.array_record_module")
    except ImportError as error:
        raise ConfigError(
            message(
                f"Record files need the package array-record ({error}).",
                "pip install 'keraunos[pack]'",
                package="array-record",
            )
        ) from None


def _open(file: str) -> Any:
    status = os.stat(file)
    return _reader(file, status.st_size, status.st_ctime_ns)


@functools.lru_cache(_OPEN_FILES)
def _reader(file: str, *stamp: int) -> Any:
    """An open record file, for as long as it is what it was."""
    return record_library().ArrayRecordReader(file, _RANDOM_ACCESS)
