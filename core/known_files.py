"""What this process found out of files, as long as they stay as they are."""

import os
import threading
from collections import OrderedDict
from typing import Generic, TypeVar

Finding = TypeVar("Finding")

_MOST = 256  # files of which a finding is kept; those of the longest ago are forgotten


class KnownFiles(Generic[Finding]):
    """Findings by file, such as its checksum; safe in threads.

    A file is known by its place on the disk, its size and its time of change: one that is
    written again is another one.

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
        """What is known of a file, or None."""
        with self._lock:
            return self._findings.get(_identity(status))

    def add(self, status: os.stat_result, finding: Finding) -> None:
        """Remembers what was found of a file."""
        with self._lock:
            self._findings[_identity(status)] = finding
            while len(self._findings) > _MOST:
                self._findings.popitem(last=False)


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
