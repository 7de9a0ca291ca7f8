"""Shows how far training is."""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Unpack

from rich.console import Console

from ..configs import validated
from ..configs.arguments import OF_CALLBACKS, takes_settings
from ..configs.monitoring_callbacks import ProgressBarConfig
from ..configs.options import ProgressBarOptions
from ..core.console import PlainConsole
from ..core.names import visible
from ..core.run_events import Event, EventKind
from ..models.module import count_parameters
from .base import Callback
from .progress_display import NotebookOutput, TerminalBar, as_pairs
from .run_state import RunState

# Events that come with each epoch, or that the first, the last or an error line names.
SAID_ELSEWHERE: frozenset[EventKind] = frozenset(
    {
        "resumed",
        "checkpoint",
        "phase",
        "early_stopping",
        "interrupted",
        "end",
        "divergence",
        "failure",
        "worker_lost",
    }
)


class ProgressBar(Callback):
    """A bar per epoch on a terminal, a line that changes in a notebook.

    Elsewhere a plain line now and then.

    A plain line is made of `name=value` pairs, easy to find in a log: one at the end of
    each epoch, and one every `seconds_between_lines` within long ones.

    Args:
        console: Where to write; standard error by default.
        clock: Tells the time in seconds.
        **options: As `callbacks.progress_bar` in a configuration: `refresh_seconds` of
            the bar and `seconds_between_lines`. See `docs/settings.md`.

    Example:
        >>> bar = ProgressBar(refresh_seconds=1.0)
    """

    chief_only = True
    every_n_steps = None

    @takes_settings(OF_CALLBACKS["progress_bar"])
    def __init__(
        self,
        *,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
        **options: Unpack[ProgressBarOptions],
    ) -> None:
        config = validated(ProgressBarConfig, "callbacks.progress_bar", **options)
        self.refresh_seconds = config.refresh_seconds
        self.seconds_between_lines = config.seconds_between_lines
        self._console = console
        self._clock = clock
        self._bar: TerminalBar | NotebookOutput | None = None
        self._notebook: NotebookOutput | None = None
        self.reset()

    def reset(self) -> None:
        """Forgets the last fit."""
        self._shown_at = 0.0

    def announce(self, lines: Sequence[str]) -> None:
        """Says what will happen."""
        is_new = self._notebook is None and self._console is None
        if is_new and PlainConsole().is_jupyter:
            self._notebook = NotebookOutput()
        for line in lines:
            self._write(line)

    def on_phase_begin(self, run: RunState) -> None:
        """Writes what trains from now on."""
        self._write(
            f"new phase: {count_parameters(run.model)}, "
            f"learning_rate={run.learning_rate:.4g}"
        )

    def on_epoch_begin(self, run: RunState) -> None:
        """Starts the epoch's bar."""
        self._shown_at = self._clock()
        console = self._console or PlainConsole(file=sys.stderr)
        terminal = TerminalBar(console, run) if console.is_terminal else None
        self._bar = self._notebook or terminal

    def on_train_step_end(self, run: RunState) -> None:
        """Moves the bar, or writes a line if it is time for one."""
        wait = self.refresh_seconds if self._bar else self.seconds_between_lines
        if self._clock() - self._shown_at < wait:
            return
        self._shown_at = self._clock()
        values = run.read_metrics() | {"learning_rate": run.learning_rate}
        if self._bar:
            self._bar.update(run, values)
        else:
            self._write(f"{_position(run, run.epoch + 1)} {as_pairs(values)}")

    def on_epoch_end(self, run: RunState) -> None:
        """Writes the epoch's values."""
        self._close()
        values = run.metrics | run.health.in_a_line()
        self._write(f"{_position(run, run.epoch)} {as_pairs(values)}")

    def on_event(self, run: RunState, event: Event) -> None:
        """Writes what other lines do not say already."""
        if event.kind not in SAID_ELSEWHERE:
            self._write(f"{event.kind.replace('_', ' ')}: {event.text}")

    def on_exception(self, run: RunState, error: BaseException) -> None:
        """Leaves the terminal as it was."""
        self._close()
        self._notebook = None

    def on_fit_end(self, run: RunState) -> None:
        """Says why training ended."""
        self._close()
        self._write(f"training ended after epoch {run.epoch}: {run.stop_reason}")
        self._notebook = None

    def _close(self) -> None:
        if self._bar:
            self._bar.close()
            self._bar = None

    def _write(self, line: str) -> None:
        if self._notebook:
            self._notebook.write(line)
            return
        console = self._console or PlainConsole(file=sys.stderr)
        console.print(visible(line), soft_wrap=True, markup=False, emoji=False)


def _position(run: RunState, epoch: int) -> str:
    return f"epoch={epoch}/{run.max_epochs} step={run.step}"
