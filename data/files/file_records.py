"""What is known of image files that were opened before, in a small database.

A record counts as long as the file's size and time of change are the same. What can't be
written down, because the disk is full, say, is looked at again the next time.
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
    """What opening an image file told.

    Attributes:
        digest: SHA-256 of the content, 32 bytes; empty if it can't be opened.
        width: In pixels, as stored; 0 if it can't be decoded for another reason than
            having too many.
        height: Likewise.
        problem: Why it can't be used; empty if it can.
        format: The true format, such as `"JPEG"`; empty if it can't be decoded.
        orientation: That of EXIF, 1 to 8; 1 is upright.
        is_animated: Whether it has further frames.
        has_odd_end: Whether it is a JPEG that does not end where its file does.
        bits: How many of 16 bits per channel are used, 8 at least; 0 if it has 8.
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
        version: What the records depend on besides the files; records that were made
            under another version are dropped.
    """

    def __init__(self, path: Path, version: int) -> None:
        self._rows = CacheTable(path, _COLUMNS, version)

    def find(self, paths: Sequence[str]) -> dict[str, FileRecord]:
        """The records of those files that have one and are unchanged since."""
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
        """Adds records of files, as they were at the given size and time."""
        with contextlib.suppress(ConfigError):
            self._rows.remember(
                (_key(path), *stamps[path], *record) for path, record in records.items()
            )


def stamp(path: str) -> tuple[int, int]:
    """A file's size in bytes and its time of change in nanoseconds.

    That is the time which nobody can set: a file put in place of another may have its
    size and be said to be as old. Both are -1 if there is no such file.
    """
    try:
        status = os.stat(file_on_disk(path))
    except OSError:
        return -1, -1
    return status.st_size, status.st_ctime_ns


def _key(path: str) -> str:
    """The absolute path, safe for the database where its name is not valid text."""
    return os.fsencode(os.path.abspath(path)).decode("utf-8", "backslashreplace")
