"""Caches findings about files for as long as the files do not change."""

import os
import threading
from collections import OrderedDict
from typing import Generic, TypeVar

Finding = TypeVar("Finding")

_MOST = 256  # number of findings to keep; the oldest are dropped


class KnownFiles(Generic[Finding]):
    """A thread-safe cache of findings by file, such as checksums.

    Files are identified by device, inode, size and modification time, so that a file that
    is written again is a different one.

    Example:
        >>> known = KnownFiles[str]()
        >>> status = os.stat(os.curdir)
        >>> known.add(status, "fine")
        >>> known.find(status)
        'fine'
    """

    def __init__(self) -> None:
        self._findings: OrderedDict[tuple[int, ...], Finding] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, status: os.stat_result) -> Finding | None:
        """Returns the finding about a file, or None."""
        with self._lock:
            return self._findings.get(_identity(status))

    def add(self, status: os.stat_result, finding: Finding) -> None:
        """Stores a finding about a file."""
        with self._lock:
            self._findings[_identity(status)] = finding
            while len(self._findings) > _MOST:
                self._findings.popitem(last=False)


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
