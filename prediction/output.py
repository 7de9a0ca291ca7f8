"""Writes rows to standard output, or to a file that can be resumed."""

import contextlib
import fcntl
import json
import os
import re
import sys
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from ..core.console import silence
from ..core.errors import CheckpointError, ConfigError, message
from ..core.faults import fault_point
from ..core.files import (
    crc32_of_start,
    open_to_append,
    read_text,
    require_regular,
    write_json_atomic,
)
from ..core.names import visible
from ..core.removal import remove_file
from ..data.streams.image_names import ImageName

PARTIAL_SUFFIX = ".partial"
NOTE_SUFFIX = ".progress"
SECONDS_BETWEEN_NOTES = 1.0  # a kill loses at most that much work and the current batch


@dataclass(frozen=True)
class Progress:
    """Progress of a stream.

    Attributes:
        last: The last image that was written; None before the first.
        rows: Number of rows that were written.
        unreadable: Number of rows without a prediction.
    """

    last: ImageName | None = None
    rows: int = 0
    unreadable: int = 0


class Output(Protocol):
    """Destination of rows."""

    @property
    def progress(self) -> Progress:
        """What was written so far."""

    def append(self, content: bytes, progress: Progress) -> None:
        """Writes rows; `progress` is the state after them."""

    def finish(self) -> None:
        """Completes the output after the last row."""


class StandardOutput:
    """Writes to standard output; on a terminal, control characters are made visible."""

    def __init__(self, head: bytes) -> None:
        self.progress = Progress()
        self.append(head, self.progress)

    def append(self, content: bytes, progress: Progress) -> None:
        """Writes rows."""
        if sys.stdout.isatty():
            content = visible(content.decode(errors="surrogateescape")).encode()
        try:
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
        except BrokenPipeError:  # the reader has closed the pipe
            raise
        except OSError as error:
            silence(sys.stdout)
            raise ConfigError(
                message(f"Standard output must be writable ({error.strerror}).")
            ) from None
        self.progress = progress

    def finish(self) -> None:
        """Does nothing."""


class ResumableFile:
    """A file of rows that a killed process can resume without torn or repeated rows.

    Rows go to `NAME.partial`, which is renamed at the end; with `grows`, they go to the
    file itself. `NAME.progress` records how much of the file is valid. It is replaced
    atomically once a second, so that a kill loses a second of work or a batch. It is
    removed at the end unless the file `grows`.

    Args:
        path: The file.
        head: Content before the first row.
        made_of: JSON values that determine the rows; they must not change on resume.
        resume: Whether to resume unfinished output.
        grows: Whether rows are appended to the file itself.

    Raises:
        ConfigError: There is unfinished output without `resume`, or none with it; or
            `made_of` has changed; or another process writes the file.
        CheckpointError: The unfinished output or its record is damaged.
    """

    def __init__(
        self,
        path: Path,
        head: bytes,
        made_of: Mapping[str, Any],
        resume: bool = False,
        grows: bool = False,
    ) -> None:
        self._final = path
        self._grows = grows
        self.path = path if grows else path.with_name(path.name + PARTIAL_SUFFIX)
        self._note = path.with_name(path.name + NOTE_SUFFIX)
        self._made_of = json.loads(json.dumps(made_of))
        self.progress = Progress()
        self._size = self._sum = 0
        is_begun = self._is_begun()
        if is_begun and not resume:
            raise self._unfinished_error()
        if resume and not is_begun:
            self._require_unfinished()
        self._file = open_to_append(self.path)
        try:
            self._lock()
            self._begin(head, is_begun)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file.closed:
            return
        try:
            self._write_note()
        except OSError:
            if kind is None:  # otherwise the first error counts; the disk may be full
                raise
        finally:
            with contextlib.suppress(OSError):
                self._file.close()
        if not (self.progress.rows or self._grows):
            self._remove(self.path, self._note)

    def append(self, content: bytes, progress: Progress) -> None:
        """Adds rows.

        Raises:
            OSError: They can't be written.
        """
        self._file.write(content)
        self._file.flush()
        self._size += len(content)
        self._sum = zlib.crc32(content, self._sum)
        self.progress = progress
        fault_point("after-rows")
        if time.monotonic() - self._noted_at >= SECONDS_BETWEEN_NOTES:
            self._write_note()

    def finish(self) -> None:
        """Gives the file its final name, and removes the progress file."""
        self._write_note()
        if self._grows:
            return
        require_regular(self._final)
        os.replace(self.path, self._final)
        self._file.close()
        fault_point("before-note-is-removed")
        self._remove(self._note)

    def _begin(self, head: bytes, is_begun: bool) -> None:
        if is_begun:
            self._read_note()
            self._file.truncate(self._size)
            self._noted_at = time.monotonic()
        else:
            self._write_note()  # before the first row, so that no row lacks a record
            self.append(head, self.progress)

    def _is_begun(self) -> bool:
        require_regular(self.path)
        require_regular(self._note)
        with contextlib.suppress(FileNotFoundError):
            return self.path.stat().st_size > 0 or (self._grows and self._note.exists())
        return False

    def _lock(self) -> None:
        """Locks the file for this process until it closes the file."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(
                message(
                    "Only one process at a time may write a table of predictions.",
                    "Wait for the other process to end, or name another --output.",
                    output=str(self.path),
                )
            ) from None

    def _read_note(self) -> None:
        try:
            note: Any = json.loads(read_text(self._note))
            made_of, last = note["made_of"], note["last"]
            self._size, self._sum = int(note["size"]), int(note["crc32"])
            self.progress = Progress(
                None if last is None else ImageName(*last),
                int(note["rows"]),
                int(note["unreadable"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            raise self._damaged_error(
                f"there is no intact {self._note.name} next to it"
            ) from None
        self._require_same(made_of)
        if crc32_of_start(self.path, self._size) != self._sum:
            raise self._damaged_error("it differs from what was written")

    def _require_same(self, made_of: Mapping[str, Any]) -> None:
        names = dict.fromkeys([*made_of, *self._made_of])
        differing = [n for n in names if made_of.get(n) != self._made_of.get(n)]
        if differing:
            raise ConfigError(
                message(
                    "Predictions must be resumed with their original settings; changed "
                    f"since: {', '.join(differing)}.",
                    "Name another --output to start over.",
                    **{f"{name}_then": made_of.get(name) for name in differing},
                    **{f"{name}_now": self._made_of.get(name) for name in differing},
                )
            )

    def _write_note(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        last = self.progress.last
        note = {
            "made_of": self._made_of,
            "size": self._size,
            "crc32": self._sum,
            "rows": self.progress.rows,
            "unreadable": self.progress.unreadable,
            "last": None if last is None else list(last[:-1]),  # without its cells
        }
        write_json_atomic(self._note, note)
        self._noted_at = time.monotonic()
        fault_point("after-note")

    def _remove(self, *paths: Path) -> None:
        for path in paths:
            remove_file(path.parent, path.name, re.compile(re.escape(path.name)))

    def _unfinished_error(self) -> ConfigError:
        return ConfigError(
            message(
                "There are unfinished predictions already.",
                "Continue them with --resume, remove them, or name another --output.",
                file=str(self.path),
            )
        )

    def _require_unfinished(self) -> None:
        if self._final.exists():
            raise ConfigError(
                message(
                    "There must be unfinished predictions to resume, but these are "
                    "complete.",
                    "Leave out --resume to predict again.",
                    output=str(self._final),
                )
            )

    def _damaged_error(self, why: str) -> CheckpointError:
        return CheckpointError(
            message(
                f"Unfinished predictions must be unchanged, but {why}.",
                "Remove them, or name another --output.",
                file=str(self.path),
            )
        )
