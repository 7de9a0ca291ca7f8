"""Tables of the cache: rows by key in an SQLite database, each with a checksum.

Damaged rows are ignored, and a damaged database is replaced by an empty one; callers
recompute what is missing.
"""

import contextlib
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ...core.cache_folder import DATABASE
from ...core.console import notify
from ...core.counted import counted_clause
from ...core.errors import ConfigError, message
from ...core.removal import remove_file

_FORMAT = 100_000  # added to versions: earlier rows had no checksums
_CHUNK = 500

_ENVIRONMENT_ERRORS = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
)

Row = tuple[Any, ...]


class CacheTable:
    """A table in a database file.

    Args:
        path: The file; created if necessary.
        columns: Name and SQL type of each column; the first is the key.
        version: Version of the content; rows of another version are dropped.
    """

    def __init__(self, path: Path, columns: Sequence[str], version: int) -> None:
        self._path = path
        self._key = columns[0].split()[0]
        self._columns = columns
        self._version = version + _FORMAT
        self._is_prepared = False

    def find(self, keys: Sequence[Any]) -> Iterator[Row]:
        """Yields the rows of known keys, in any order."""
        damaged = 0
        for start in range(0, len(keys), _CHUNK):
            for *row, checksum in self._run(self._select, keys[start : start + _CHUNK]):
                if checksum == _checksum(row):
                    yield tuple(row)
                else:
                    damaged += 1
        if damaged:
            clause = f"rows of {self._path} are damaged and are computed again"
            notify(counted_clause(damaged, clause))

    def remember(self, rows: Iterable[Row]) -> None:
        """Adds rows; they replace rows with the same key."""
        marks = ", ".join("?" * (len(self._columns) + 1))
        command = f"INSERT OR REPLACE INTO rows VALUES ({marks})"
        checked = [(*row, _checksum(row)) for row in rows]
        self._run(lambda connection: connection.executemany(command, checked))

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA user_version").fetchone()[0] != self._version:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
            for (name,) in names.fetchall():
                connection.execute(f'DROP TABLE "{name}"')
            connection.execute(f"PRAGMA user_version = {self._version:d}")
        columns = ", ".join([f"{self._columns[0]} PRIMARY KEY", *self._columns[1:]])
        connection.execute(f"CREATE TABLE IF NOT EXISTS rows ({columns}, checksum INTEGER)")

    def _select(self, connection: sqlite3.Connection, keys: Sequence[Any]) -> list[Row]:
        marks = ",".join("?" * len(keys))
        command = f"SELECT * FROM rows WHERE {self._key} IN ({marks})"
        return connection.execute(command, keys).fetchall()

    def _run(self, work: Any, *arguments: Any) -> Any:
        """Runs `work` in a transaction, in a new database if the present one is damaged."""
        try:
            return self._in_transaction(work, *arguments)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF in _ENVIRONMENT_ERRORS:
                raise _unusable_cache_error(self._path, error) from None
            notify(f"{self._path} is damaged ({error}) and is created again")
        for suffix in ("", "-journal", "-wal", "-shm"):
            remove_file(self._path.parent, f"{self._path.name}{suffix}", DATABASE)
        self._is_prepared = False
        return self._in_transaction(work, *arguments)

    def _in_transaction(self, work: Any, *arguments: Any) -> Any:
        opened = sqlite3.connect(self._path, timeout=60)
        with contextlib.closing(opened) as connection, connection:
            if not self._is_prepared:
                self._prepare(connection)
                self._is_prepared = True
            return work(connection, *arguments)


def _checksum(row: Iterable[Any]) -> int:
    checksum = 0
    for value in row:
        plain = int(value) if isinstance(value, bool) else value  # as SQL returns it
        part = plain if isinstance(plain, bytes) else str(plain).encode()
        checksum = zlib.crc32(part, zlib.crc32(b"|", checksum))
    return checksum


def _unusable_cache_error(path: Path, error: Exception) -> ConfigError:
    return ConfigError(
        message(
            f"The cache must hold a usable database, but it can't be used ({error}).",
            "Free some space, move that file away, or set cache_dir to another folder.",
            file=str(path),
        )
    )
