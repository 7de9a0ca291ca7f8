"""Shows the progress of training."""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Unpack

from rich.console import Console

from ..configs import validated
from ..configs.arguments import CALLBACK_ARGUMENTS, takes_settings
from ..configs.monitoring_callbacks import ProgressBarConfig
from ..configs.options import ProgressBarOptions
from ..core.console import PlainConsole, can_redraw
from ..core.names import visible
from ..core.run_events import Event, EventKind
from ..models.module import count_parameters
from .base import Callback
from .notebook_output import NotebookOutput, as_pairs
from .run_state import RunState
from .terminal_panel import TerminalPanel

# Events of each epoch, and those that the first line, the last line or an error shows.
SHOWN_ELSEWHERE: frozenset[EventKind] = frozenset(
    {
        "resumed",
        "checkpoint",
        "phase",
        "early_stopping",
        "end",
        "divergence",
        "failure",
        "worker_lost",
    }
)


class ProgressBar(Callback):
    """Shows the progress of training: in a panel on a terminal, otherwise in plain lines.

    The panel contains the progress bar of the epoch, the speed, the remaining time of the
    fit, metrics and their curves, and the best epoch so far. It is drawn by the training
    thread, at most once every `refresh_seconds`.

    Plain lines consist of `name=value` pairs: one line at the end of each epoch, and one
    every `seconds_between_lines` within long epochs. In a notebook, one additional line
    shows the current step.

    Args:
        console: Where to write; standard error by default.
        clock: Returns the time in seconds.
        **options: Same as `callbacks.progress_bar` in a configuration: `refresh_seconds`
            and `seconds_between_lines`. See `docs/settings.md`.

    Example:
        >>> bar = ProgressBar(refresh_seconds=1.0)
    """

    chief_only = True
    every_n_steps = None

    @takes_settings(CALLBACK_ARGUMENTS["progress_bar"])
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
        self._panel: TerminalPanel | None = None
        self._notebook: NotebookOutput | None = None
        self.reset()

    def reset(self) -> None:
        """Clears the state of the previous fit."""
        self._shown_at = 0.0

    def announce(self, lines: Sequence[str]) -> None:
        """Shows announcements about the fit."""
        is_new = self._notebook is None and self._console is None
        if is_new and PlainConsole().is_jupyter:
            self._notebook = NotebookOutput()
        for line in lines:
            self._write(line)

    def on_phase_begin(self, run: RunState) -> None:
        """Writes the number of trainable parameters of the new phase."""
        self._write(
            f"new phase: {count_parameters(run.model)}, "
            f"learning_rate={run.learning_rate:.4g}"
        )

    def on_epoch_begin(self, run: RunState) -> None:
        """Shows the epoch's first step."""
        self._shown_at = self._clock()
        console = self._console or PlainConsole(file=sys.stderr)
        if self._notebook is None and self._panel is None and can_redraw(console):
            self._panel = TerminalPanel(console, self._clock)
        if self._panel:
            self._panel.begin_epoch(run)

    def on_train_step_end(self, run: RunState) -> None:
        """Redraws the panel, or writes a line if one is due."""
        display = self._panel or self._notebook
        wait = self.refresh_seconds if display else self.seconds_between_lines
        if self._clock() - self._shown_at < wait:
            return
        self._shown_at = self._clock()
        if self._panel:
            self._panel.update(run, run.read_metrics())
            return
        values = run.read_metrics() | {"learning_rate": run.learning_rate}
        if self._notebook:
            self._notebook.update(run, values)
        else:
            self._write(f"{_position(run, run.epoch + 1)} {as_pairs(values)}")

    def on_validation_begin(self, run: RunState) -> None:
        """Shows that validation has begun."""
        if self._panel:
            self._panel.begin_validation(run)

    def on_epoch_end(self, run: RunState) -> None:
        """Writes the epoch's values."""
        if self._panel:
            self._panel.end_epoch(run)
        values = run.metrics | run.health.in_log_line()
        self._write(f"{_position(run, run.epoch)} {as_pairs(values)}")

    def on_event(self, run: RunState, event: Event) -> None:
        """Writes events that no other line shows."""
        if event.kind not in SHOWN_ELSEWHERE:
            self._write(f"{event.kind.replace('_', ' ')}: {event.text}")

    def on_exception(self, run: RunState, error: BaseException) -> None:
        """Removes the panel, so that the error is the last output."""
        if self._panel:
            self._panel.close(is_kept=False)
        if self._notebook:
            self._notebook.close()
        self._panel = self._notebook = None

    def on_fit_end(self, run: RunState) -> None:
        """Writes why training ended."""
        if self._panel:  # it stays above the line
            self._panel.close(is_kept=True)
            self._panel = None
        reason = f"{run.stop_reason}{_still_improving(run)}"
        self._write(f"training ended after epoch {run.epoch}: {reason}")
        self._notebook = None

    def _write(self, line: str) -> None:
        if self._notebook:
            self._notebook.write(line)
        elif self._panel:
            self._panel.write(visible(line))
        else:
            console = self._console or PlainConsole(file=sys.stderr)
            console.print(visible(line), soft_wrap=True, markup=False, emoji=False)


def _still_improving(run: RunState) -> str:
    """Returns advice to train longer if the fit ended with its best validation.

    Training metrics say nothing about it: they still improve when a model overfits.
    """
    if run.monitor is None or not run.monitor.name.startswith("val_"):
        return ""
    if not (run.stop_reason or "").startswith("max_epochs="):
        return ""
    values = run.history.get(run.monitor.name, [])
    best = run.monitor.best(values)
    if best is None or best[0] != run.epoch or len(values) < 2:
        return ""
    longer = f"trainer.max_epochs={2 * run.max_epochs} trains longer"
    return f"; {run.monitor.name} was still improving: {longer}"


def _position(run: RunState, epoch: int) -> str:
    return f"epoch={epoch}/{run.max_epochs} step={run.step}"
