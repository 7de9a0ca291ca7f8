"""Logs training as lines of JSON, for log collectors."""

import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO, Unpack

from ..configs import validated
from ..configs.arguments import CALLBACK_ARGUMENTS, takes_settings
from ..configs.monitoring_callbacks import JsonLogConfig
from ..configs.options import JsonLogOptions
from ..core.console import PlainConsole
from ..core.run_events import Event
from .base import Callback
from .run_state import RunState


class JsonLog(Callback):
    """Logs the start and end of a fit, each epoch and each event as a line of JSON.

    Also logs announcements before the start, and the current metrics every
    `seconds_between_lines` within long epochs. Each line is an object whose `event` is
    `announcement`, `start`, `step`, `epoch`, `report` (with `kind` and `text`) or `end`.

    Args:
        stream: Where to write; standard error by default.
        clock: Returns the time in seconds.
        **options: Same as `callbacks.json_log` in a configuration: `seconds_between_lines`.
            See `docs/settings.md`.

    Example:
        >>> log = JsonLog(seconds_between_lines=600)
    """

    chief_only = True
    every_n_steps = None

    @takes_settings(CALLBACK_ARGUMENTS["json_log"])
    def __init__(
        self,
        *,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
        **options: Unpack[JsonLogOptions],
    ) -> None:
        config = validated(JsonLogConfig, "callbacks.json_log", **options)
        self.seconds_between_lines = config.seconds_between_lines
        self._stream = stream
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Clears the state of the previous fit."""
        self._written_at = self._clock()

    def announce(self, lines: Sequence[str]) -> None:
        """Logs announcements about the fit."""
        self._write_line(
            {"event": "announcement", "time": time.time(), "lines": list(lines)}
        )

    def on_fit_begin(self, run: RunState) -> None:
        """Logs the start of the fit."""
        self._write("start", run, {"description": run.description})

    def on_train_step_end(self, run: RunState) -> None:
        """Logs the current metrics if a line is due."""
        if self._clock() - self._written_at >= self.seconds_between_lines:
            self._write("step", run, run.read_metrics())

    def on_epoch_end(self, run: RunState) -> None:
        """Logs the metrics of the epoch."""
        self._write("epoch", run, run.metrics)

    def on_event(self, run: RunState, event: Event) -> None:
        """Logs the event, except for the end, which has its own line."""
        if event.kind == "end":
            return
        self._write_line({"event": "report", **event.as_dict()})

    def on_fit_end(self, run: RunState) -> None:
        """Logs why training ended."""
        self._write("end", run, {"stop_reason": run.stop_reason})

    def on_exception(self, run: RunState, error: BaseException) -> None:
        """Logs the exception that ended training."""
        self._write("end", run, {"stop_reason": f"{type(error).__name__}: {error}"})

    def _write(self, event: str, run: RunState, values: Mapping[str, Any]) -> None:
        self._written_at = self._clock()
        position = {"event": event, "time": time.time(), "epoch": run.epoch}
        finite = {name: _finite_or_none(value) for name, value in values.items()}
        self._write_line({**position, "step": run.step, **finite})

    def _write_line(self, content: Mapping[str, Any]) -> None:
        line = json.dumps(content)
        PlainConsole(file=self._stream or sys.stderr).notify(line)


def _finite_or_none(value: Any) -> Any:
    """Replaces NaN and infinity, which JSON lacks, with None."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
