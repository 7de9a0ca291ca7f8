"""The base class of callbacks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.run_events import Event
from .run_state import RunState


class Callback:
    """Base class of callbacks, which run code at certain points of training.

    Override the hooks that you need. Each receives the state of the run. A callback with
    state returns it from `state_dict`, so that a resumed run continues as if it had never
    been interrupted.

    Attributes:
        every_n_steps: Number of steps between calls of `on_train_step_end`, if it is
            overridden. With None, it is called whenever control returns from the device.
            Small numbers cost time, because the device waits for Python.
        samples_every_n_steps: Number of steps between the samples in `RunState.health`;
            None if the callback needs no samples.
        chief_only: Whether it is called only on the chief if there are several workers, as
            is right for callbacks that write to files or to the screen.
        runs_last: Whether its hooks run after those of all other callbacks.
        writes_alone: Description of output that only one callback may write, or None. Two
            callbacks with the same value are an error.
        is_resumable: Whether `state_dict` contains its complete state. Callbacks that start
            over when a run is resumed are listed at its start.
        uncalled_hooks: Hooks that it defines but that are never called; they are listed at
            the start of a run.
        monitored_metrics: Names of metrics that it needs in `RunState.metrics`; one that
            the model does not have is an error before the first step.
        wants_validation_predictions: Whether it needs `RunState.validation`.
        saves_checkpoints: Whether it will request checkpoints, so that frozen variables are
            written while the first epoch trains.

    Example:
        >>> class StopBelow(Callback):
        ...     def on_epoch_end(self, run):
        ...         if run.metrics["loss"] < 0.01:
        ...             run.request_stop("the loss is small enough")
    """

    every_n_steps: int | None = 1
    samples_every_n_steps: int | None = None
    chief_only = False
    runs_last = False
    writes_alone: str | None = None
    is_resumable = True
    uncalled_hooks: Sequence[str] = ()
    monitored_metrics: Sequence[str] = ()
    wants_validation_predictions = False
    saves_checkpoints = False

    def steps_until_due(self, step: int) -> int | None:
        """Returns the number of steps until the next call of `on_train_step_end`.

        By default, these are the steps until the next multiple of `every_n_steps`, or None
        (no requirement) if `every_n_steps` is None or the hook is not overridden.

        Args:
            step: Number of finished steps.
        """
        period = self.every_n_steps
        if period is None or type(self).on_train_step_end is Callback.on_train_step_end:
            return None
        return period - step % period

    def reset(self) -> None:
        """Clears the state of the previous fit. Called first in every fit."""

    def announce(self, lines: Sequence[str]) -> None:
        """Called with lines that describe a fit as soon as they are known.

        The devices are announced first, then the data, then the model and everything else:
        all before features are computed and before `on_fit_begin`.

        Args:
            lines: New lines.
        """

    def on_fit_begin(self, run: RunState) -> None:
        """Called when the model is built and restored, before the first step.

        In a resumed run, `run` has the restored state; the state of this callback is
        restored afterwards.
        """

    def on_epoch_begin(self, run: RunState) -> None:
        """Called before the first step of an epoch; again if a run resumes within it."""

    def on_train_step_end(self, run: RunState) -> None:
        """Called after every `every_n_steps` training steps."""

    def on_validation_begin(self, run: RunState) -> None:
        """Called before validation."""

    def on_validation_end(self, run: RunState) -> None:
        """Called after validation; `run.metrics` contains the `val_` values."""

    def on_epoch_end(self, run: RunState) -> None:
        """Called after an epoch; `run.metrics` contains all its values."""

    def on_phase_begin(self, run: RunState) -> None:
        """Called between two epochs when a callback has requested a new phase.

        From now on, other variables train, with a new optimizer.
        """

    def on_checkpoint_saved(self, run: RunState, path: Path) -> None:
        """Called when a checkpoint is complete, and again on resuming.

        Checkpoints are written in the background: `run` may be some steps ahead.
        """

    def on_event(self, run: RunState, event: Event) -> None:
        """Called immediately when an event is reported with `run.report`.

        It may be called from another thread, because stalls are detected during a step, but
        never concurrently. If it raises an error, this is shown and training continues.
        """

    def on_fit_end(self, run: RunState) -> None:
        """Called at the end of a fit, even if it was stopped early."""

    def on_exception(self, run: RunState, error: BaseException) -> None:
        """Called instead of `on_fit_end` when an exception ends the fit.

        The exception is an error, or `keraunos.trainer.Interrupted` after a signal; in the
        latter case, the state of the run has been saved.
        """

    def state_dict(self) -> dict[str, Any]:
        """Returns the state for a resumed run: JSON values and NumPy arrays."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the result of `state_dict`; called after `on_fit_begin`."""
