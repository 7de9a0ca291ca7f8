"""Writes events.jsonl: a line of JSON for each event of a run."""

import json
import os
from pathlib import Path

from ..core.files import open_regular, open_to_append
from ..core.run_events import Event
from ..core.run_layout import EVENTS_FILE
from .base import Callback
from .run_state import RunState
from .tolerance import Tolerance


class EventLog(Callback):
    """Appends each event to `events.jsonl` in the run directory.

    A line contains `kind`, `text`, `step` and `time`, in seconds since 1970. A resumed run
    appends to the log. If it can't be written, that is reported once and training
    continues.

    Example:
        >>> log = EventLog()
    """

    chief_only = True

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Clears the state of the previous fit."""
        self._tolerance = Tolerance("the event log")

    def on_event(self, run: RunState, event: Event) -> None:
        """Writes a line and flushes it to disk."""
        if run.run_dir is None:
            return
        line = json.dumps(event.as_dict()).encode() + b"\n"
        with self._tolerance:
            _append(run.run_dir / EVENTS_FILE, line)


def _append(path: Path, line: bytes) -> None:
    with open_to_append(path) as file:
        is_torn = file.tell() > 0 and not _ends_with_newline(path)
        file.write(b"\n" + line if is_torn else line)
        file.flush()
        os.fsync(file.fileno())


def _ends_with_newline(path: Path) -> bool:
    """Returns whether the last line is complete: a process may have died in writing it."""
    with open_regular(path) as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"
