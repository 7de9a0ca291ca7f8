"""Trains epoch by epoch.

The loop, with every hook at its place::

    reset
    on_fit_begin
    if the run is resumed within an epoch:
        on_epoch_begin
    if the run is resumed:
        load_state_dict, on_checkpoint_saved  of what it is resumed from
    until max_epochs, max_steps or somebody asks to stop:
        on_epoch_begin
        until the epoch's end:
            some steps on the devices
            on_train_step_end                 where a callback's turn has come
            save a checkpoint                 if a callback asked for one
        if there is validation data:
            on_validation_begin
            all validation steps
            on_validation_end
        on_epoch_end
        save a checkpoint                     if a callback asked for one
    on_fit_end                                or on_exception, if something went wrong

Checkpoints are written in the background. `on_checkpoint_saved` comes when one is known
to be whole: before the next one begins, and before validation and the end of the fit.

Several workers run it side by side: callbacks that write are called on the chief alone,
and what a callback or a signal asks of one worker all of them do, at the same place.

A signal, or the end of `max_time`, stops the loop between two calls to the devices: a
checkpoint is saved there, and `on_exception` comes with an `Interrupted`.
"""

from dataclasses import dataclass

from ..callbacks import CallbackList, RunState
from ..models.variables import assign_values, changing_variables, copy_values
from ..strategies import workers_of
from .checkpoint import restore_callbacks, restore_optimizer
from .epochs import Training, Validation
from .interruption import Interrupted, Interruption
from .outputs import LabelledSource, as_predictions
from .resume import Resumption
from .saver import Saver


@dataclass
class Loop:
    """Trains and validates, epoch by epoch.

    Attributes:
        training: Runs an epoch of training.
        validation: Runs validation, or None.
        callbacks: What happens around.
        saver: Writes the state of the run.
        interruption: Tells whether to stop at once.
        resumption: From where the run goes on, if it is resumed.
    """

    training: Training
    validation: Validation | None
    callbacks: CallbackList
    saver: Saver
    interruption: Interruption
    resumption: Resumption | None = None

    def run(self, run: RunState) -> None:
        """Runs the loop until its end, or until it is interrupted."""
        try:
            try:
                self._begin(run)
                self._agree(run)
                while run.epoch < run.max_epochs and run.stop_reason is None:
                    self._epoch(run)
                self._end(run)
            except Interrupted as interrupted:
                self._interrupt(run, interrupted)
        except BaseException as error:
            self.callbacks.notify_exception(run, error)
            self.saver.abandon()
            raise

    def _begin(self, run: RunState) -> None:
        self.callbacks.reset()
        self.callbacks.notify("on_fit_begin", run)
        if self.resumption is None:
            return
        if run.is_within_epoch:
            self.callbacks.notify("on_epoch_begin", run)
        restore_callbacks(self.callbacks, self.resumption)
        restore_optimizer(run.model.optimizer, self.resumption)  # hooks may have set it
        self.callbacks.notify("on_checkpoint_saved", run, self.resumption.path)

    def _epoch(self, run: RunState) -> None:
        self.interruption.check()
        if run.trained is None:  # else it was interrupted in validation
            run.trained = self._train(run)
        self._finish_saving(run)
        validated = self._validate(run)
        run.end_epoch(_in_order(run.trained, validated))
        self.callbacks.notify("on_epoch_end", run)
        self._agree(run)
        self._save_if_asked(run)

    def _train(self, run: RunState) -> dict[str, float]:
        if not run.is_within_epoch:
            self.callbacks.notify("on_epoch_begin", run)
        for _ in self.training.calls(run):
            self.callbacks.notify_step_end(run)
            self._agree(run)
            self._save_if_asked(run)
            self.interruption.check()
        return self.training.end_epoch(run)

    def _validate(self, run: RunState) -> dict[str, float]:
        if self.validation is None:
            return {}
        self.callbacks.notify("on_validation_begin", run)
        source = self.validation.source
        wanted = self.callbacks.wants_validation_predictions
        if wanted and isinstance(source, LabelledSource):
            values, outputs = self.validation.epoch_with_predictions()
            run.validation = as_predictions(source, outputs)
        else:
            values = self.validation.epoch()
        run.metrics = {f"val_{name}": value for name, value in values.items()}
        self.callbacks.notify("on_validation_end", run)
        return run.metrics

    def _end(self, run: RunState) -> None:
        run.request_stop(f"max_epochs={run.max_epochs} is reached")
        self._finish_saving(run)
        run.model.optimizer.finalize_variable_values(run.model.trainable_variables)
        self.callbacks.notify("on_fit_end", run)
        self._take_weights_of_chief(run)

    def _interrupt(self, run: RunState, interrupted: Interrupted) -> None:
        self._finish_saving(run)
        self.saver.save(run)
        self._finish_saving(run)
        run.interrupt(interrupted.reason, interrupted.signal)
        self.callbacks.notify_exception(run, interrupted)

    def _agree(self, run: RunState) -> None:
        """Lets all workers do what one of them was asked for."""
        wishes = workers_of(run.strategy).gather([run.stop_reason, run.save_requested])
        run.stop_reason = next((reason for reason, _ in wishes if reason), None)
        run.save_requested = any(save for _, save in wishes)

    def _take_weights_of_chief(self, run: RunState) -> None:
        """Gives all workers what was restored on the chief, which reads checkpoints."""
        workers = workers_of(run.strategy)
        if workers.count > 1:
            variables = changing_variables(run.model)
            assign_values(variables, workers.share(copy_values(variables)))

    def _save_if_asked(self, run: RunState) -> None:
        if not run.save_requested:
            return
        run.save_requested = False
        self._finish_saving(run)
        self.saver.save(run)

    def _finish_saving(self, run: RunState) -> None:
        path = self.saver.finish()
        if path is not None:
            self.interruption.save_seconds = self.saver.seconds
            self.callbacks.notify("on_checkpoint_saved", run, path)


def _in_order(trained: dict[str, float], validated: dict[str, float]) -> dict[str, float]:
    """Losses and metrics of training, those of validation, then the speed."""
    speed = ("learning_rate", "images_per_second", "data_wait_seconds", "seconds")
    own = {name: value for name, value in trained.items() if name not in speed}
    return own | validated | {name: trained[name] for name in speed}
