"""The contract between the loop and what happens around it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.run_events import Event
from .run_state import RunState


class Callback:
    """Something that happens around training steps.

    Override the hooks you need; each gets the state of the run. The order of hooks is
    shown in `keraunos.trainer.loop.loop`. A callback that keeps something between epochs
    returns it from `state_dict`, so that a resumed run continues as if nothing had
    happened.

    Attributes:
        every_n_steps: After how many steps `on_train_step_end` is called, if it is
            overridden. None: whenever the loop is back from the device. Small numbers
            cost time, as the device waits for Python.
        samples_every_n_steps: How far apart the steps are that `RunState.health` is to be
            told of; None if it needs none.
        chief_only: Whether of several workers only the chief calls it, as is right for
            what writes files or to the screen.
        runs_last: Whether its hooks come after those of all others.
        writes_alone: What no other callback of the run may write, or None: two with the
            same value are refused.
        is_resumable: Whether `state_dict` holds all it remembers. Callbacks that start
            anew when a run is resumed are named at its start.
        uncalled_hooks: Hooks that it has and that are never called; they are named at
            the start of a run.
        wants_validation_predictions: Whether `RunState.validation` is to be filled.

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
    wants_validation_predictions = False

    def steps_until_due(self, step: int) -> int | None:
        """After how many steps `on_train_step_end` must be called; None for whenever.

        By default at multiples of `every_n_steps`, if the hook is overridden.

        Args:
            step: How many have been made.
        """
        period = self.every_n_steps
        if period is None or type(self).on_train_step_end is Callback.on_train_step_end:
            return None
        return period - step % period

    def reset(self) -> None:
        """Forgets the last fit. Called first in every fit."""

    def announce(self, lines: Sequence[str]) -> None:
        """Called with what is known of a fit, as soon as it is, and before `on_fit_begin`.

        First comes what it runs on, then the data, then the model and all else: before
        features are computed, which takes time.

        Args:
            lines: Those that were not announced before.
        """

    def on_fit_begin(self, run: RunState) -> None:
        """Called when the model is built and restored, before the first step.

        In a resumed run `run` stands where it stood; this callback's own state is given
        back afterwards.
        """

    def on_epoch_begin(self, run: RunState) -> None:
        """Called before the first step of an epoch; again if it is resumed within."""

    def on_train_step_end(self, run: RunState) -> None:
        """Called after every `every_n_steps` training steps."""

    def on_validation_begin(self, run: RunState) -> None:
        """Called before validation."""

    def on_validation_end(self, run: RunState) -> None:
        """Called after validation; `run.metrics` has the `val_` values."""

    def on_epoch_end(self, run: RunState) -> None:
        """Called after an epoch; `run.metrics` has all values of it."""

    def on_phase_begin(self, run: RunState) -> None:
        """Called between two epochs when a callback has asked for a new phase.

        Other variables train from now on, with a new optimizer.
        """

    def on_checkpoint_saved(self, run: RunState, path: Path) -> None:
        """Called when a checkpoint is known to be whole, and once more on resuming.

        Checkpoints are written in the background: `run` may be some steps further.
        """

    def on_event(self, run: RunState, event: Event) -> None:
        """Called when something is reported with `run.report`, at once.

        Possibly from another thread, as a stall is noticed while a step lasts; never
        for two events at the same time. An error in it is shown, and training continues.
        """

    def on_fit_end(self, run: RunState) -> None:
        """Called at the end of a fit, also of one that was stopped early."""

    def on_exception(self, run: RunState, error: BaseException) -> None:
        """Called when the fit ends early, in place of `on_fit_end`.

        With an error, or with `keraunos.trainer.Interrupted` after a signal, in which
        case the state of the run has been saved.
        """

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs: values that JSON can hold, and NumPy arrays."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes back what `state_dict` returned, after `on_fit_begin`."""
