"""A store of large files that runs and processes share, limited in size.

Entries are written under a temporary name and renamed when complete, so that readers never
see a part of one. When the store exceeds its limit, the least recently used entries are
removed; a process that has one open can continue to read it.

A folder is a cache if it contains the file `CACHEDIR.TAG`, which backup programs also
recognize. It is written into folders that are new, empty, or contain only files of earlier
versions. Only files with names of the store are ever counted or removed.
"""

import contextlib
import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from .cache_folder import ENTRY, GROWING, KEY, UNFINISHED, claim_cache
from .console import notify
from .files import replacing
from .growing_file import GrowingFile, note_of
from .lock import file_lock
from .removal import remove_file

if TYPE_CHECKING:
    import numpy.typing as npt

SECONDS_KEPT = 7 * 86400.0  # for incomplete entries that no process has continued

_SECONDS_OF_A_DAY = 86_400


class Store:
    """Arrays by key, one file each, in one folder.

    Args:
        directory: The folder; created before the first write.
        limit_bytes: Limit of the total size of all entries in bytes.

    A key consists of a kind in `KINDS` and 64 hexadecimal digits: `features-0123...`.

    Example:
        >>> import tempfile
        >>> store = Store(Path(tempfile.mkdtemp()), limit_bytes=1000)
        >>> key = f"features-{'0' * 64}"
        >>> with store.writing(key) as path:
        ...     _ = path.write_bytes(b"123")
        >>> store.open(key, "u1", (-1,)).tolist()
        [49, 50, 51]
    """

    def __init__(self, directory: Path, limit_bytes: int) -> None:
        self.directory = directory.resolve()  # no link below it is followed
        self.limit_bytes = limit_bytes
        self._given = directory
        self._is_claimed = False

    def claim(self) -> Path:
        """Creates the folder if necessary, and marks it as a cache.

        Raises:
            ConfigError: The folder contains something other than a cache.
            OSError: The folder can't be created.
        """
        if not self._is_claimed:
            self._given.mkdir(parents=True, exist_ok=True)
            claim_cache(self.directory)
            self._is_claimed = True
        return self.directory

    def find(self, key: str) -> Path | None:
        """Returns the file of an entry, and marks it as used; None if there is none."""
        path = self._path(key)
        with contextlib.suppress(OSError):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode):
                os.utime(path, ns=(time.time_ns(), status.st_mtime_ns))
                return path
        return None

    def keys(self, prefix: str) -> list[str]:
        """Returns the keys of all entries with this prefix, in order."""
        names = (file.name for file, _ in self._entries())
        return sorted(name for name in names if name.startswith(prefix))

    def open(
        self, key: str, dtype: "npt.DTypeLike", shape: tuple[int, ...]
    ) -> "npt.NDArray[Any] | None":
        """Returns the array of an entry, memory-mapped and read-only.

        Returns None if there is no such entry. A damaged entry is reported and removed, to
        be created again.
        """
        from .sealed_file import open_sealed  # loads NumPy, which `keraunos cache` avoids

        path = self.find(key)
        try:
            return None if path is None else open_sealed(path, dtype, shape)
        except (OSError, ValueError) as error:
            remove_file(self.directory, key, KEY)
            notify(f"{path} in the cache is damaged ({error}): creating it again")
            return None

    @contextlib.contextmanager
    def writing(self, key: str) -> Iterator[Path]:
        """Creates an entry from the file that is written in the block.

        Appends checksums, with which `open` detects later damage.

        Yields:
            The temporary file to write; it becomes the entry at the end of the block.

        Raises:
            OSError: The disk is full or read-only; nothing is left behind.
        """
        self.claim()
        self._remove_leftovers()
        with replacing(self._path(key)) as path:
            yield path
            _seal(path)
        self._make_room(keep=key)

    @contextlib.contextmanager
    def growing(self, key: str) -> Iterator[GrowingFile]:
        """Creates an entry incrementally; the caller must hold `lock`.

        If the process is killed, the next call continues where it stopped.

        Raises:
            OSError: The disk is full or read-only; nothing is left behind.
        """
        self.claim()
        path = self._growing(key)
        try:
            with GrowingFile(path) as file:
                yield file
        except OSError:  # the incomplete entry would only take up space
            self._forget(path.name, note_of(path).name)
            raise
        _seal(path)
        os.replace(path, self._path(key))
        self._forget(note_of(path).name)
        self._make_room(keep=key)

    def link(self, key: str, file: Path) -> bool:
        """Creates a hard link to an entry.

        Returns:
            Whether there is such an entry and the file system supports the link.
        """
        found = self.find(key)
        with contextlib.suppress(OSError):
            if found is not None:
                os.link(found, file)
                return True
        return False

    def adopt(self, key: str, file: Path) -> None:
        """Adds a complete file as an entry by a hard link, if possible."""
        with contextlib.suppress(OSError):
            remove_file(self.claim(), key, KEY)
            os.link(file, self._path(key))
            self._make_room(keep=key)

    def lock(self, key: str) -> FileLock:
        """Returns a lock between processes, so that only one of them creates an entry."""
        return file_lock(self.claim() / f".{key}.lock")

    def fits(self, key: str, size_bytes: int) -> bool:
        """Returns whether an entry of this size fits into the limit and on the disk.

        Accounts for the space that an incomplete entry already takes.
        """
        free = shutil.disk_usage(self.claim()).free
        with contextlib.suppress(FileNotFoundError):
            free += self._growing(key).stat().st_size
        return size_bytes <= min(self.limit_bytes, int(free * 0.9))

    def sizes(self) -> dict[str, list[int]]:
        """Returns the sizes of all entries in bytes, by kind."""
        found: dict[str, list[int]] = {}
        for file, status in self._entries():
            found.setdefault(_kind(file), []).append(status.st_size)
        return dict(sorted(found.items()))

    def clear(self, kind: str = "") -> int:
        """Removes all entries, or those of one kind; processes can still read open ones.

        Returns:
            The number of bytes that were removed.
        """
        removed = 0
        self.claim()
        for file, _ in self._entries():
            if kind in ("", _kind(file)):
                removed += remove_file(self.directory, file.name, ENTRY)
        return removed + self._forget_growing(kind)

    def _forget_growing(self, kind: str, seconds: float = 0.0) -> int:
        """Removes incomplete entries that no process is continuing; returns their bytes."""
        removed = 0
        for path in self.directory.iterdir():
            match = GROWING.fullmatch(path.name)
            if match is None or not match["key"].startswith(kind):
                continue
            with contextlib.suppress(Timeout, OSError), self.lock(match["key"]).acquire(0):
                if time.time() - path.lstat().st_mtime >= seconds:
                    removed += self._forget(path.name)
        return removed

    def _forget(self, *names: str) -> int:
        """Removes the files of an incomplete entry; returns their bytes."""
        return sum(remove_file(self.directory, name, GROWING) for name in names)

    def _path(self, key: str) -> Path:
        if not KEY.fullmatch(key):
            raise ValueError(f"{key!r} is not a key of the store")
        return self.directory / key

    def _growing(self, key: str) -> Path:
        return self.directory / f".growing-{key}"

    def _entries(self) -> list[tuple[Path, os.stat_result]]:
        """Returns the entries, which another process may remove at any time."""
        found = []
        for file in self.directory.iterdir() if self.directory.is_dir() else ():
            if ENTRY.fullmatch(file.name):
                with contextlib.suppress(FileNotFoundError):
                    found.append((file, file.lstat()))
        return [each for each in found if stat.S_ISREG(each[1].st_mode)]

    def _remove_leftovers(self) -> None:
        """Removes temporary files that killed processes have left."""
        for path in self.directory.iterdir():
            with contextlib.suppress(FileNotFoundError):
                is_left = UNFINISHED.fullmatch(path.name)
                if is_left and time.time() - path.lstat().st_mtime > _SECONDS_OF_A_DAY:
                    remove_file(self.directory, path.name, UNFINISHED)

    def _make_room(self, keep: str) -> None:
        self._forget_growing("", SECONDS_KEPT)
        entries = [(each.st_atime, each.st_size, file) for file, each in self._entries()]
        total = sum(size for _, size, _ in entries)
        for _, size, file in sorted(entries):
            if total <= self.limit_bytes:
                break
            if file.name != keep:
                remove_file(self.directory, file.name, ENTRY)
                total -= size


def _kind(file: Path) -> str:
    return file.name.partition("-")[0].partition(".")[0]


def _seal(path: Path) -> None:
    from .sealed_file import seal  # loads NumPy

    seal(path)
