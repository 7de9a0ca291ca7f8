"""Determines the state of runs, searches and folds without loading TensorFlow."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from ..core.files import open_regular
from ..core.lock import LOCK_FILE, is_locked
from ..core.run_layout import (
    CHECKPOINTS_FOLDER,
    CHOSEN_FILE,
    CONFIG_FILE,
    DIVERGED_FILE,
    ENVIRONMENT_FILE,
    EVENTS_FILE,
    FOLD,
    FOLDS_FILE,
    HEARTBEAT_FILE,
    METRICS_FILE,
    MODEL_FILE,
    SEARCH_FILE,
    TEST_FILE,
    TRIAL,
)
from .run_summary import natural

Kind = Literal["run", "search", "folds", "other"]
State = Literal["running", "finished", "interrupted", "diverged", "failed", "unfinished"]

_BYTES_OF_LAST_EVENTS = 65_536
_RUN_FILES = {
    CHECKPOINTS_FOLDER,
    CONFIG_FILE,
    ENVIRONMENT_FILE,
    EVENTS_FILE,
    LOCK_FILE,
    METRICS_FILE,
    MODEL_FILE,
}
# Files that change while a command works on a run.
_WRITTEN = (
    *(METRICS_FILE, EVENTS_FILE, HEARTBEAT_FILE, CHECKPOINTS_FOLDER, ENVIRONMENT_FILE),
    *(TEST_FILE, SEARCH_FILE, FOLDS_FILE, CHOSEN_FILE, CONFIG_FILE),
)
_AFTER_EVENT: dict[object, State] = {
    "end": "finished",
    "interrupted": "interrupted",
    "divergence": "diverged",
    "failure": "failed",
}


def kind_of(directory: Path) -> Kind:
    """Returns whether a directory is a run, a search, a directory of folds, or other."""
    names = set(_names(directory))
    if SEARCH_FILE in names:
        return "search"
    if FOLDS_FILE in names or any(map(FOLD.fullmatch, names)):
        return "folds"
    return "run" if names & _RUN_FILES else "other"


def state_of(directory: Path, kind: Kind) -> State:
    """Returns the state of a run, a search or a directory of folds.

    A run is `unfinished` if its process was killed, or if training has not started.
    """
    if is_locked(directory):
        return "running"
    if kind == "search":
        return "finished" if (directory / CHOSEN_FILE).is_file() else "unfinished"
    if kind == "folds":
        return _state_of_folds(directory)
    event = _last_event(directory / EVENTS_FILE)
    if event is not None:
        return _AFTER_EVENT.get(event, "unfinished")
    if (directory / MODEL_FILE).is_file():
        return "finished"
    return "diverged" if (directory / DIVERGED_FILE).is_file() else "unfinished"


def parts_of(directory: Path, kind: Kind) -> list[Path]:
    """Returns the trials of a search or the folds of a run, in order."""
    pattern = {"search": TRIAL, "folds": FOLD}.get(kind)
    names = [name for name in _names(directory) if pattern and pattern.fullmatch(name)]
    return sorted((directory / name for name in names), key=natural)


def last_change(directory: Path) -> float | None:
    """Returns when a run was last written to, in seconds since 1970; None if never."""
    found = [time for name in _WRITTEN if (time := _time_of(directory / name)) is not None]
    return max(found, default=None)


def _state_of_folds(directory: Path) -> State:
    states = [state_of(fold, "run") for fold in parts_of(directory, "folds")]
    if "running" in states:
        return "running"
    if (directory / FOLDS_FILE).is_file():
        return "finished"
    return next((state for state in states if state != "finished"), "unfinished")


def _names(directory: Path) -> Iterator[str]:
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            yield entry.name


def _time_of(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _last_event(path: Path) -> object:
    """Returns the kind of the last complete event; None if there is none."""
    try:
        with open_regular(path) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - _BYTES_OF_LAST_EVENTS, 0))
            lines = file.read(_BYTES_OF_LAST_EVENTS).splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
            return str(json.loads(line)["kind"])
    return None
