"""Trains epoch by epoch.

The loop, with every hook at its place::

    on_fit_begin
    until max_epochs, max_steps or somebody asks to stop:
        on_epoch_begin
        until the epoch's end:
            some steps on the devices
            on_train_step_end                 where a callback's turn has come
        if there is validation data:
            on_validation_begin
            all validation steps
            on_validation_end
        on_epoch_end
        if a callback asked for a checkpoint:
            write one
            on_checkpoint_saved
    on_fit_end                                or on_exception, if something went wrong
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..callbacks import CallbackList, RunState
from .epochs import Training, Validation
from .outputs import LabelledSource, as_predictions

Save = Callable[[RunState, CallbackList], Path]


@dataclass
class Loop:
    """Trains and validates, epoch by epoch.

    Attributes:
        training: Runs an epoch of training.
        validation: Runs validation, or None.
        callbacks: What happens around.
        save: Writes a checkpoint of the state it is given.
    """

    training: Training
    validation: Validation | None
    callbacks: CallbackList
    save: Save

    def run(self, run: RunState) -> None:
        """Runs the loop until its end."""
        try:
            self.callbacks.reset()
            self.callbacks.notify("on_fit_begin", run)
            while run.epoch < run.max_epochs and run.stop_reason is None:
                self._epoch(run)
            run.request_stop(f"max_epochs={run.max_epochs} is reached")
            run.model.optimizer.finalize_variable_values(run.model.trainable_variables)
            self.callbacks.notify("on_fit_end", run)
        except BaseException as error:
            self.callbacks.notify_exception(run, error)
            raise

    def _epoch(self, run: RunState) -> None:
        self.callbacks.notify("on_epoch_begin", run)
        trained = self.training.epoch(run)
        validated = self._validate(run)
        run.metrics = _in_order(trained, validated)
        run.epoch += 1
        run.epoch_step = 0
        for name, value in run.metrics.items():
            run.history.setdefault(name, []).append(value)
        self.callbacks.notify("on_epoch_end", run)
        self._save_if_asked(run)

    def _validate(self, run: RunState) -> dict[str, float]:
        if self.validation is None:
            return {}
        self.callbacks.notify("on_validation_begin", run)
        source = self.validation.source
        wanted = self.callbacks.wants_validation_predictions
        if wanted and isinstance(source, LabelledSource):
            values, outputs = self.validation.epoch_with_predictions(run.model)
            run.validation = as_predictions(source, outputs)
        else:
            values = self.validation.epoch(run.model)
        run.metrics = {f"val_{name}": value for name, value in values.items()}
        self.callbacks.notify("on_validation_end", run)
        return run.metrics

    def _save_if_asked(self, run: RunState) -> None:
        if not run.save_requested:
            return
        run.save_requested = False
        path = self.save(run, self.callbacks)
        self.callbacks.notify("on_checkpoint_saved", run, path)


def _in_order(trained: dict[str, float], validated: dict[str, float]) -> dict[str, float]:
    """Losses and metrics of training, those of validation, then the speed."""
    speed = ("learning_rate", "images_per_second", "data_wait_seconds", "seconds")
    own = {name: value for name, value in trained.items() if name not in speed}
    return own | validated | {name: trained[name] for name in speed}
