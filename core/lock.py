"""Keeps two processes from writing into one directory."""

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
# What a directory may hold before anything is written into it.
BOOKKEEPING = frozenset({LOCK_FILE, OWNER_FILE, CHECKSUMS_FILE})
_FILES = re.compile(r"\.lock|\.lock-owner|\.checksums")
_UNFINISHED = unfinished(r"\.lock-owner")


def file_lock(path: Path) -> FileLock:
    """A lock between processes, on a file that is created if necessary.

    Raises:
        ConfigError: Something other than a regular file has that name.
    """
    open_to_append(path).close()  # with the permissions that other files have
    return FileLock(path)


@contextlib.contextmanager
def directory_lock(directory: Path) -> Iterator[None]:
    """Holds a directory for this process alone.

    The lock is the operating system's: it goes with the process, however that ends, so
    a file that is left over locks nothing.

    Args:
        directory: Must exist.

    Raises:
        ConfigError: Another process holds it; the message says which.
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
    """Whether a file is one that a directory may hold before anything is written into it.

    Example:
        >>> is_bookkeeping(".lock"), is_bookkeeping("..lock-owner-0123abcd")
        (True, True)
    """
    return name in BOOKKEEPING or _UNFINISHED.fullmatch(name) is not None


def is_locked(directory: Path) -> bool:
    """Whether a process of this machine is writing into a directory.

    Nothing is written. Only where an owner is noted, which a killed process leaves behind,
    the lock is tried, and given back at once.
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
    """Removes the lock and the checksums of a directory that holds nothing else."""
    for name in BOOKKEEPING:
        remove_file(directory, name, _FILES)


def _read(owner: Path) -> str:
    try:
        return read_text(owner)
    except (OSError, UnicodeDecodeError):
        return "unknown"
