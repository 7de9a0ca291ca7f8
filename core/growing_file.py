"""Files that are appended to over time, and continued after a process was killed."""

import contextlib
import os
import time
import zlib
from pathlib import Path
from types import TracebackType
from typing import Self

from .console import notify
from .faults import fault_point
from .files import crc32_of_start, open_to_append, read_text, write_text_atomic

SECONDS_BETWEEN_NOTES = 1.0  # maximum work that a kill loses, besides the current part


class GrowingFile:
    """Appends to a file, and regularly records how many bytes are safely on disk.

    Args:
        path: The file; an existing one is continued.

    Attributes:
        size: Size of the file in bytes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._note = note_of(path)
        self._file = open_to_append(path)
        self.size = 0
        self._sum = 0
        with contextlib.suppress(OSError, ValueError):
            size, noted = map(int, read_text(self._note).split())
            if crc32_of_start(path, size) == noted:
                self.size, self._sum = size, noted
            else:
                notify(f"{path} in the cache is damaged: starting over")
        self._file.truncate(self.size)
        self._noted_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._write_note()
        except OSError:
            if kind is None:  # otherwise, the error of the block is raised
                raise
        finally:
            self._file.close()

    def cut(self, size: int) -> None:
        """Truncates the file to `size` bytes."""
        self._file.flush()
        self._file.truncate(size)
        self.size, self._sum = size, crc32_of_start(self.path, size)

    def append(self, content: bytes) -> None:
        """Appends bytes to the file."""
        self._file.write(content)
        self.size += len(content)
        self._sum = zlib.crc32(content, self._sum)
        if time.monotonic() - self._noted_at >= SECONDS_BETWEEN_NOTES:
            self._write_note()

    def _write_note(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        write_text_atomic(self._note, f"{self.size} {self._sum}")
        self._noted_at = time.monotonic()
        fault_point("after-part-is-noted")


def note_of(path: Path) -> Path:
    """Returns the path of the file with the recorded size and CRC-32."""
    return path.with_name(f"{path.name}.size")
