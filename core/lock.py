"""Prevents two processes from writing to one directory."""

import contextlib
import fcntl
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from .checked_files import CHECKSUMS_FILE
from .errors import ConfigError, message
from .files import open_regular, open_to_append, read_text, write_text_atomic
from .removal import remove_file, remove_unfinished, unfinished

LOCK_FILE, OWNER_FILE = ".lock", ".lock-owner"
# Files that do not count as content of a directory.
BOOKKEEPING = frozenset({LOCK_FILE, OWNER_FILE, CHECKSUMS_FILE})
_FILES = re.compile(r"\.lock|\.lock-owner|\.checksums")
_UNFINISHED = unfinished(r"\.lock-owner")


def file_lock(path: Path) -> FileLock:
    """Returns a lock between processes, on a file that is created if necessary.

    Raises:
        ConfigError: `path` is something other than a regular file.
    """
    open_to_append(path).close()  # with the same permissions as other files
    return FileLock(path)


@contextlib.contextmanager
def directory_lock(directory: Path) -> Iterator[None]:
    """Locks a directory for this process.

    The operating system releases the lock when the process ends in any way, so a leftover
    lock file locks nothing.

    Args:
        directory: An existing directory.

    Raises:
        ConfigError: Another process, named in the message, holds the lock.
    """
    lock = file_lock(directory / LOCK_FILE)
    owner = directory / OWNER_FILE
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ConfigError(
            message(
                "The directory must not be in use by another process.",
                "Wait for it to end, or choose another directory.",
                directory=str(directory),
                used_by=_read(owner),
            )
        ) from None
    try:
        remove_unfinished(directory, _UNFINISHED)
        write_text_atomic(owner, f"process {os.getpid()} on {socket.gethostname()}")
        yield
    finally:
        remove_file(directory, OWNER_FILE, _FILES)
        lock.release()


def is_bookkeeping(name: str) -> bool:
    """Returns whether a file does not count as content of a directory.

    Example:
        >>> is_bookkeeping(".lock"), is_bookkeeping("..lock-owner-0123abcd")
        (True, True)
    """
    return name in BOOKKEEPING or _UNFINISHED.fullmatch(name) is not None


def is_locked(directory: Path) -> bool:
    """Returns whether a process of this machine has locked a directory.

    Writes nothing. If there is an owner file, which a killed process also leaves behind,
    briefly tries to acquire the lock.
    """
    if not (directory / OWNER_FILE).is_file():
        return False
    try:
        with open_regular(directory / LOCK_FILE) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def remove_bookkeeping(directory: Path) -> None:
    """Removes the lock and checksum files of an otherwise empty directory."""
    for name in BOOKKEEPING:
        remove_file(directory, name, _FILES)


def _read(owner: Path) -> str:
    try:
        return read_text(owner)
    except (OSError, UnicodeDecodeError):
        return "unknown"
