"""Keeps two processes from writing into one directory."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from .errors import ConfigError, message

LOCK_FILE, OWNER_FILE = ".lock", ".lock-owner"


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
    lock = FileLock(directory / LOCK_FILE)
    owner = directory / OWNER_FILE
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ConfigError(
            message(
                "The directory must not be in use by another process.",
                "Wait for that to end, or choose another directory.",
                directory=str(directory),
                used_by=owner.read_text() if owner.exists() else "unknown",
            )
        ) from None
    try:
        owner.write_text(f"process {os.getpid()} on {socket.gethostname()}")
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()
