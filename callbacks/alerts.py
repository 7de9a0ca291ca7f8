"""Sends alerts about the events of a run, by a command or over HTTP."""

import json
import socket
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Any, Unpack

from ..configs import validated
from ..configs.arguments import CALLBACK_ARGUMENTS, takes_settings
from ..configs.options import AlertsOptions
from ..configs.watching_callbacks import AlertsConfig
from ..core import post_json
from ..core.console import notify
from ..core.limited_command import run_limited
from ..core.redaction import redacted
from ..core.run_events import Event
from .base import Callback
from .run_state import RunState

LAST = frozenset(("end", "failure", "divergence", "interrupted"))  # events that end a run
_MOST_TEXT = 2000


class Alerts(Callback):
    """Runs a command, or posts JSON, when an event occurs in a run.

    The command is a list of arguments and runs without a shell. It gets the event as JSON
    on standard input (`kind`, `text`, `step`, `time`, `subject`, `epoch`, `run`,
    `host`) and as variables `KERAUNOS_EVENT_KIND`, `_TEXT`, `_STEP`, `_TIME`, `_SUBJECT`
    and `KERAUNOS_RUN`. An alert that takes longer than `timeout_seconds` is killed, and a
    failed one is reported on the terminal; neither stops or delays training. The process
    waits for the last alert before it exits. A run sends at most `at_most` alerts, one of
    which is reserved for its end. With several workers, only the chief sends alerts.

    Args:
        **options: Same as `callbacks.alerts` in a configuration: `on`, `command`, `url`,
            `timeout_seconds`, `at_most`. See `docs/settings.md`.

    Example:
        >>> alerts = Alerts(on=["failure", "stall"], command=["my-pager", "lesions"])
    """

    chief_only = True

    @takes_settings(CALLBACK_ARGUMENTS["alerts"])
    def __init__(self, **options: Unpack[AlertsOptions]) -> None:
        self._config = validated(AlertsConfig, "callbacks.alerts", **options)
        self.reset()

    def reset(self) -> None:
        """Clears the state of the previous fit."""
        self._outbox = _Outbox(self._config)

    def on_event(self, run: RunState, event: Event) -> None:
        """Passes the event to the sending thread."""
        self.send(event, run.run_dir, run.epoch)

    def send(self, event: Event, directory: Path | None, epoch: int = 0) -> None:
        """Passes an event to the sending thread if its kind is in `on`.

        Args:
            event: The event.
            directory: The directory of the run or search, or None.
            epoch: The number of finished epochs.
        """
        if event.kind in self._config.on:
            self._outbox.put(_content(event, directory, epoch))

    def __deepcopy__(self, memo: dict[int, Any]) -> "Alerts":
        """Returns a copy that has sent nothing: the sending thread can't be copied."""
        return type(self)(**self._config.model_dump())


class _Outbox:
    """Sends alerts one by one, in a thread that lives as long as alerts are queued.

    The process does not exit before this thread.
    """

    def __init__(self, config: AlertsConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._waiting: deque[dict[str, Any]] = deque()
        self._is_sending = False
        self._count = 0
        self._keeps_one = not LAST.isdisjoint(config.on)

    def put(self, content: dict[str, Any]) -> None:
        """Queues an alert; the last one of a run replaces those still queued."""
        is_last = content["kind"] in LAST
        with self._lock:
            if self._count >= self._config.at_most - (self._keeps_one and not is_last):
                return
            self._count += 1
            if is_last:
                self._waiting.clear()
            self._waiting.append(content)
            if not self._is_sending:
                self._is_sending = True
                threading.Thread(target=self._send_all, name="keraunos-alerts").start()

    def _send_all(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._is_sending = False
                    return
                content = self._waiting.popleft()
            problem = _send(self._config, content)
            if problem:
                what = self._config.command[0] if self._config.command else "the post"
                notify(f"alert ({content['kind']}): {redacted(what)} failed: {problem}")


def _send(config: AlertsConfig, content: dict[str, Any]) -> str | None:
    text = json.dumps(content)
    if config.command is not None:
        problem = run_limited(
            config.command, text, _variables(content), config.timeout_seconds
        )
    else:
        program = [sys.executable, "-m", post_json.__name__, str(config.timeout_seconds)]
        problem = run_limited(program, f"{config.url}\n{text}", {}, config.timeout_seconds)
    return None if problem is None else str(redacted(problem))


def _content(event: Event, directory: Path | None, epoch: int) -> dict[str, Any]:
    return event.as_dict() | {
        "text": event.text[:_MOST_TEXT],
        "epoch": epoch,
        "run": str(directory.absolute()) if directory else None,
        "host": socket.gethostname(),
    }


def _variables(content: dict[str, Any]) -> dict[str, str]:
    named = {f"KERAUNOS_EVENT_{n.upper()}": content[n] for n in _EVENT_FIELDS}
    named["KERAUNOS_RUN"] = content["run"] or ""
    return {name: str(value).replace("\0", "") for name, value in named.items()}


_EVENT_FIELDS = ("kind", "text", "step", "time", "subject")
