"""Caches the properties of inspected image files in an SQLite database.

A record is valid while the size and change time of the file are the same. A file whose
record can't be written, for example because the disk is full, is inspected again next time.
"""

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ...core.errors import ConfigError
from .cache_table import CacheTable
from .record_files import file_on_disk

_COLUMNS = (
    "path TEXT",
    "size INTEGER",
    "changed_ns INTEGER",
    "digest BLOB",
    "width INTEGER",
    "height INTEGER",
    "problem TEXT",
    "format TEXT",
    "orientation INTEGER",
    "is_animated INTEGER",
    "has_odd_end INTEGER",
    "bits INTEGER",
)


class FileRecord(NamedTuple):
    """The properties of an image file.

    Attributes:
        digest: SHA-256 of the content, 32 bytes; empty if the file can't be opened.
        width: Width in pixels as stored; 0 if the file can't be decoded, except because of
            too many pixels.
        height: Height in pixels, likewise.
        problem: Why the file can't be used; empty if it can.
        format: Actual format, such as `"JPEG"`; empty if the file can't be decoded.
        orientation: EXIF orientation, 1 to 8; 1 is upright.
        is_animated: Whether the file has further frames.
        has_odd_end: Whether the file is a JPEG with extra bytes at its end, or truncated.
        bits: Number of bits used of 16 per channel, at least 8; 0 for 8-bit images.
    """

    digest: bytes
    width: int
    height: int
    problem: str
    format: str = ""
    orientation: int = 1
    is_animated: bool = False
    has_odd_end: bool = False
    bits: int = 0


class FileRecords:
    """The database of file records.

    Args:
        path: The database file; created if necessary.
        version: Version of the inspection; records of another version are dropped.
    """

    def __init__(self, path: Path, version: int) -> None:
        self._rows = CacheTable(path, _COLUMNS, version)

    def find(self, paths: Sequence[str]) -> dict[str, FileRecord]:
        """Returns the records of known files that are unchanged."""
        places = {_key(path): path for path in paths}
        found: dict[str, FileRecord] = {}
        with contextlib.suppress(ConfigError):
            for key, size, changed_ns, *record in self._rows.find(list(places)):
                if stamp(places[key]) == (size, changed_ns):
                    found[places[key]] = FileRecord(*record)
        return found

    def remember(
        self,
        records: Mapping[str, FileRecord],
        stamps: Mapping[str, tuple[int, int]],
    ) -> None:
        """Adds records of files with their stamps at the time of the inspection."""
        with contextlib.suppress(ConfigError):
            self._rows.remember(
                (_key(path), *stamps[path], *record) for path, record in records.items()
            )


def stamp(path: str) -> tuple[int, int]:
    """Returns the size of a file in bytes and its change time in nanoseconds.

    Programs can't set the change time (ctime), unlike the modification time, so it also
    reveals replaced files of equal size and age. Both are -1 if there is no such file.
    """
    try:
        status = os.stat(file_on_disk(path))
    except OSError:
        return -1, -1
    return status.st_size, status.st_ctime_ns


def _key(path: str) -> str:
    """Returns the absolute path, escaped for the database if it is not valid UTF-8."""
    return os.fsencode(os.path.abspath(path)).decode("utf-8", "backslashreplace")
