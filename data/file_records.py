"""What is known of picture files that were opened before, in a small database.

A record counts as long as the file's size and time of change are the same. What can't be
written down, because the disk is full, say, is looked at again the next time.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ..core.cache_folder import ENTRY
from ..core.removal import remove_file

_CHUNK = 500


class FileRecord(NamedTuple):
    """What opening a picture file told.

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
        path: The database file; made if need be.
        version: What the records depend on besides the files; records that were made
            under another version are dropped.
    """

    def __init__(self, path: Path, version: int) -> None:
        self._path = path
        try:
            self._prepare(version)
        except sqlite3.OperationalError:
            return  # the disk is full
        except sqlite3.DatabaseError:  # it is damaged
            remove_file(path.parent, path.name, ENTRY)
            self._prepare(version)

    def find(self, paths: Sequence[str]) -> dict[str, FileRecord]:
        """The records of those files that have one and are unchanged since."""
        found: dict[str, FileRecord] = {}
        with contextlib.suppress(sqlite3.Error), database(self._path) as connection:
            for start in range(0, len(paths), _CHUNK):
                chunk = {_key(path): path for path in paths[start : start + _CHUNK]}
                marks = ",".join("?" * len(chunk))
                rows = connection.execute(
                    f"SELECT * FROM files WHERE path IN ({marks})", list(chunk)
                )
                for key, size, changed_ns, *record in rows:
                    if stamp(chunk[key]) == (size, changed_ns):
                        found[chunk[key]] = FileRecord(*record)
        return found

    def remember(
        self,
        records: Mapping[str, FileRecord],
        stamps: Mapping[str, tuple[int, int]],
    ) -> None:
        """Adds records of files, as they were at the given size and time."""
        rows: Iterable[tuple[object, ...]] = (
            (_key(path), *stamps[path], *record) for path, record in records.items()
        )
        marks = ", ".join("?" * (3 + len(FileRecord._fields)))
        with contextlib.suppress(sqlite3.Error), database(self._path) as connection:
            connection.executemany(f"INSERT OR REPLACE INTO files VALUES ({marks})", rows)

    def _prepare(self, version: int) -> None:
        with database(self._path) as connection:
            if connection.execute("PRAGMA user_version").fetchone()[0] != version:
                connection.execute("DROP TABLE IF EXISTS files")
                connection.execute(f"PRAGMA user_version = {version:d}")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, size INTEGER,"
                " changed_ns INTEGER, digest BLOB, width INTEGER, height INTEGER,"
                " problem TEXT, format TEXT, orientation INTEGER, is_animated INTEGER,"
                " has_odd_end INTEGER, bits INTEGER) WITHOUT ROWID"
            )


@contextlib.contextmanager
def database(path: Path) -> Iterator[sqlite3.Connection]:
    """Opens a database for one transaction; other processes may use it meanwhile."""
    connection = sqlite3.connect(path, timeout=60)
    try:
        with connection:
            yield connection
    finally:
        connection.close()


def stamp(path: str) -> tuple[int, int]:
    """A file's size in bytes and its time of change in nanoseconds.

    That is the time which nobody can set: a file put in place of another may have its
    size and be said to be as old. Both are -1 if there is no such file.
    """
    try:
        status = os.stat(path)
    except OSError:
        return -1, -1
    return status.st_size, status.st_ctime_ns


def _key(path: str) -> str:
    """The absolute path, safe for the database where its name is not valid text."""
    return os.fsencode(os.path.abspath(path)).decode("utf-8", "backslashreplace")
