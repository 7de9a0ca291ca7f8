"""Writes a small file periodically, so that a watchdog sees a run progressing."""

import json
import os
import socket
import time
from pathlib import Path
from typing import Any, Unpack

from ..configs import validated
from ..configs.arguments import CALLBACK_ARGUMENTS, takes_settings
from ..configs.options import HeartbeatOptions
from ..configs.watching_callbacks import HeartbeatConfig
from ..core.errors import ConfigError, message
from ..core.files import read_text, write_json_atomic
from ..core.run_layout import HEARTBEAT_FILE
from ..core.user_path import user_path
from .base import Callback
from .run_state import RunState
from .ticker import Ticker
from .tolerance import Tolerance

_WRITER = "keraunos"


class Heartbeat(Callback):
    """Replaces a JSON file every few seconds, from its own thread.

    The file contains `state` (`running`, `ended`, `interrupted` or `failed`), `phase`,
    `epoch`, `max_epochs`, `step`, `last_step_time`, `time` of writing, `stop_reason`,
    `host` and `process`. The thread keeps writing while the loop hangs: `time` shows that
    the process is alive, `last_step_time` that training is progressing. Both are in seconds
    since 1970.

    Args:
        **options: Same as `callbacks.heartbeat` in a configuration: `file`,
            `every_seconds`. See `docs/settings.md`.

    Raises:
        ConfigError: The file exists and was not written by a heartbeat.

    Example:
        >>> heartbeat = Heartbeat(every_seconds=30.0)
    """

    chief_only = True

    @takes_settings(CALLBACK_ARGUMENTS["heartbeat"])
    def __init__(self, **options: Unpack[HeartbeatOptions]) -> None:
        config = validated(HeartbeatConfig, "callbacks.heartbeat", **options)
        self.file = config.file
        self.every_seconds = config.every_seconds
        self._ticker: Ticker | None = None
        self.reset()

    def reset(self) -> None:
        """Clears the state of the previous fit."""
        self._tolerance = Tolerance("the heartbeat")

    def on_fit_begin(self, run: RunState) -> None:
        """Writes the first heartbeat and starts the thread."""
        path = self._path(run)
        if path is None:
            return
        if self.file is not None:
            _require_own_file(path)
        self._write_heartbeat(run, path, "running")
        self._ticker = Ticker(
            "heartbeat",
            self.every_seconds,
            lambda: self._write_heartbeat(run, path, "running"),
        )

    def on_fit_end(self, run: RunState) -> None:
        """Writes that training has ended."""
        self._end(run, "ended")

    def on_exception(self, run: RunState, error: BaseException) -> None:
        """Writes that training was interrupted or failed."""
        self._end(run, "interrupted" if run.is_interrupted else "failed")

    def _end(self, run: RunState, state: str) -> None:
        if self._ticker is not None:
            self._ticker.stop()
            self._ticker = None
        path = self._path(run)
        if path is not None:
            self._write_heartbeat(run, path, state)

    def _path(self, run: RunState) -> Path | None:
        if self.file is not None:
            return user_path(self.file)
        return run.run_dir / HEARTBEAT_FILE if run.run_dir is not None else None

    def _write_heartbeat(self, run: RunState, path: Path, state: str) -> None:
        with self._tolerance:
            write_json_atomic(path, _content(run, state))


def _content(run: RunState, state: str) -> dict[str, Any]:
    moment = run.activity.snapshot()
    return {
        "writer": _WRITER,
        "state": state,
        "phase": moment.phase,
        "epoch": run.epoch,
        "max_epochs": run.max_epochs,
        "step": moment.step,
        "last_step_time": round(moment.step_time, 3),
        "time": round(time.time(), 3),
        "stop_reason": run.stop_reason,
        "host": socket.gethostname(),
        "process": os.getpid(),
    }


def _require_own_file(path: Path) -> None:
    """Checks that the file does not exist or is a heartbeat."""
    if not os.path.lexists(path):
        return
    try:
        is_own = json.loads(read_text(path)).get("writer") == _WRITER
    except (OSError, ValueError, AttributeError):
        is_own = False
    if not is_own:
        raise ConfigError(
            message(
                "A heartbeat replaces its file, and this file is not a heartbeat.",
                "Name a file that does not exist.",
                **{"callbacks.heartbeat.file": str(path)},
            )
        )
