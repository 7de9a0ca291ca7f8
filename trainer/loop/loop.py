"""Trains epoch by epoch.

The loop, with every hook at its place::

    announce, announce                        before the loop, as soon as lines are known
    reset
    on_fit_begin
    if the run is resumed within an epoch:
        on_epoch_begin
    if the run is resumed:
        load_state_dict, on_checkpoint_saved  with the checkpoint it is resumed from
    else:
        some validation steps                 if sanity_validation_batches is set
    until max_epochs, max_steps or a stop request:
        change the phase, on_phase_begin      if a callback requested one
        on_epoch_begin
        until the epoch ends:
            some steps on the devices
            on_train_step_end                 if a callback is due
            save a checkpoint                 if a callback requested one
            validate                          if validate_every_n_steps is due
        if validation is due:
            on_validation_begin
            all validation steps
            on_validation_end
        on_epoch_end
        save a checkpoint                     if a callback requested one
    on_fit_end                                or on_exception after an error
    validate averages of checkpoints          if a callback requested a soup

Checkpoints are written in the background. `on_checkpoint_saved` is called once a checkpoint
is complete: before the next one is started, before validation, and at the end of the fit.

Events are passed to `on_event` immediately, from any thread.

With several workers, each runs this loop. Callbacks that write files are called on the
chief only. A request of a callback or a signal on one worker takes effect on all workers
after the same step.

A signal, or the end of `max_time`, stops the loop between two calls to the devices: a
checkpoint is saved, and `on_exception` is called with an `Interrupted`.
"""

import contextlib
from dataclasses import dataclass, replace

from ...callbacks import CallbackList, RunState
from ...models.variables import assign_values, changing_variables, copy_values
from ...strategies import workers_of
from ..checkpoint.resume import Resumption
from ..checkpoint.state import restore_callbacks, restore_optimizer
from ..contracts import is_labeled
from .epochs import STATISTICS, Validation, limited
from .interruption import Interrupted, Interruption
from .outputs import as_predictions
from .reports import (
    report_checkpoint,
    report_end,
    report_error,
    report_learning_rate,
    report_resumed,
)
from .soup import add_soup
from .stage import Stage, Stages
from .validation_times import ValidationTimes, metrics_set_aside


@dataclass
class Loop:
    """Trains and validates, epoch by epoch.

    Attributes:
        stages: Creates the stage of each phase.
        stage: The current stage.
        callbacks: The callbacks.
        interruption: Decides whether to stop at once.
        times: Decides when to validate.
        resumption: The checkpoint to resume from, or None.
    """

    stages: Stages
    stage: Stage
    callbacks: CallbackList
    interruption: Interruption
    times: ValidationTimes
    resumption: Resumption | None = None

    def run(self, run: RunState) -> None:
        """Trains until the run ends or is interrupted."""
        with workers_of(run.strategy).reporting(run.activity.status):
            self._run(run)

    def _run(self, run: RunState) -> None:
        try:
            try:
                self._begin(run)
                self._synchronize_requests(run)
                while run.epoch < run.max_epochs and run.stop_reason is None:
                    self._change_phase(run)
                    self._epoch(run)
                self._end(run)
            except Interrupted as interrupted:
                self._interrupt(run, interrupted)
        except BaseException as error:
            run.save_requested = False
            self._notify_exception(run, error)
            self._save_after_error(run)
            self.stage.saver.abandon()
            raise

    def _begin(self, run: RunState) -> None:
        run.engine = self.stage
        self.callbacks.reset()
        run.activity.begin(run.step)
        self.callbacks.listen(run)
        if run.averages is not None and self.resumption is None:
            run.averages.start()
        self.callbacks.notify("on_fit_begin", run)
        if self.callbacks.saves_checkpoints:
            self.stage.saver.save_frozen(run)
        run.activity.phase = "between epochs"
        if self.resumption is None:
            self._try_validation()
            return
        if run.is_within_epoch:
            self.callbacks.notify("on_epoch_begin", run)
        restore_callbacks(self.callbacks, self.resumption)
        restore_optimizer(run, self.resumption)  # hooks may have changed it
        self.callbacks.notify("on_checkpoint_saved", run, self.resumption.path)
        report_resumed(run, self.resumption, self.stage.trainee.train)

    def _change_phase(self, run: RunState) -> None:
        if not run.requested_phases or run.is_within_epoch:
            return
        self._finish_saving(run)
        run.engine = self.stage = self.stages.after(self.stage, run)
        self.callbacks.notify("on_phase_begin", run)
        run.report("phase", f"new phase: learning_rate={run.learning_rate:.4g}")

    def _epoch(self, run: RunState) -> None:
        self.interruption.check()
        report_learning_rate(run)
        if run.training_metrics is None:  # otherwise interrupted in validation
            run.training_metrics = self._train(run)
        self._finish_saving(run)
        with run.averages_in_model():
            validated = self._validate_after_epoch(run)
            run.end_epoch(_epoch_metrics(run.training_metrics, validated))
            self.callbacks.notify("on_epoch_end", run)
        self._synchronize_requests(run)
        self._save_if_asked(run)

    def _train(self, run: RunState) -> dict[str, float]:
        if not run.is_within_epoch:
            self.callbacks.notify("on_epoch_begin", run)
        self._validate_within_epoch(run)  # if it was interrupted in this validation
        with run.activity.doing("training"):
            for _ in self.stage.training.calls(run):
                self.callbacks.notify_step_end(run)
                self._synchronize_requests(run)
                self._save_if_asked(run)
                self.interruption.check()
                self._validate_within_epoch(run)
            return self.stage.training.end_epoch(run)

    def _try_validation(self) -> None:
        validation = self.stage.validation
        if validation is not None and self.times.sanity_batches:
            limit = limited(self.times.sanity_batches, validation.limit)
            replace(validation, limit=limit).epoch()

    def _validate_within_epoch(self, run: RunState) -> None:
        validation = self.stage.validation
        if validation is None or not self.times.within_epoch(run):
            return
        with self.stage.training.excluded_time():
            model = self.stage.training.step.model
            with metrics_set_aside(model, run.strategy), run.averages_in_model():
                self._validate(validation, run)
            self._synchronize_requests(run)
            self._save_if_asked(run)

    def _validate_after_epoch(self, run: RunState) -> dict[str, float]:
        is_due, validation = self.times.after_epoch(run), self.stage.validation
        run.skipped_validation = validation is not None and not is_due
        run.validation = None
        return self._validate(validation, run) if validation and is_due else {}

    def _validate(self, validation: Validation, run: RunState) -> dict[str, float]:
        self.callbacks.notify("on_validation_begin", run)
        source = validation.source
        wanted = self.callbacks.wants_validation_predictions
        with run.activity.doing("validating"):
            if wanted and is_labeled(source):
                values, outputs = validation.epoch_with_predictions()
                run.validation = as_predictions(source, outputs)
            else:
                values = validation.epoch()
        run.metrics = {f"val_{name}": value for name, value in values.items()}
        run.validated_step = run.step
        self.callbacks.notify("on_validation_end", run)
        return run.metrics

    def _end(self, run: RunState) -> None:
        fitted, reached = "the head is fitted", f"max_epochs={run.max_epochs} is reached"
        run.end(fitted if self.stages.module.is_fitted else reached)
        self._finish_saving(run)
        run.model.optimizer.finalize_variable_values(run.model.trainable_variables)
        report_end(run)
        run.events.settle()
        self.callbacks.notify("on_fit_end", run)
        self._broadcast_weights(run)
        run.soup = add_soup(run, self.stage.validation)
        if run.soup is not None:
            self.callbacks.announce([run.soup.describe()])

    def _interrupt(self, run: RunState, interrupted: Interrupted) -> None:
        self._finish_saving(run)
        self.stage.saver.save(run)
        self._finish_saving(run)
        run.interrupt(interrupted.reason, interrupted.signal)
        self._notify_exception(run, interrupted)

    def _notify_exception(self, run: RunState, error: BaseException) -> None:
        report_error(run, error)
        run.events.settle()
        self.callbacks.notify_exception(run, error)

    def _save_after_error(self, run: RunState) -> None:
        """Saves after an error, if a callback requested that and the state is consistent.

        With several workers, only one may have hit the error, so they can't save together.
        """
        if self.stage.training.is_between_calls and workers_of(run.strategy).count == 1:
            with contextlib.suppress(Exception):
                self._save_if_asked(run)
                self._finish_saving(run)

    def _synchronize_requests(self, run: RunState) -> None:
        """Applies the requests of any worker on all workers."""
        requests = [run.stop_reason, run.save_requested, run.requested_phases]
        gathered = workers_of(run.strategy).gather(requests)
        reasons, saves, phases = zip(*gathered, strict=True)
        run.stop_reason = next(filter(None, reasons), None)
        run.save_requested = any(saves)
        run.requested_phases = next(filter(None, phases), [])

    def _broadcast_weights(self, run: RunState) -> None:
        """Broadcasts the weights restored on the chief, which reads checkpoints."""
        workers = workers_of(run.strategy)
        if workers.count > 1:
            variables = changing_variables(run.model)
            assign_values(variables, workers.share(copy_values(variables)))

    def _save_if_asked(self, run: RunState) -> None:
        if not run.save_requested:
            return
        run.save_requested = False
        self._finish_saving(run)
        self.stage.saver.save(run)

    def _finish_saving(self, run: RunState) -> None:
        with run.activity.doing("saving"):
            path = self.stage.saver.finish()
        run.background.check()
        if path is not None:
            self.interruption.save_seconds = self.stage.saver.seconds
            report_checkpoint(run, path, self.stage.saver.seconds)
            self.callbacks.notify("on_checkpoint_saved", run, path)


def _epoch_metrics(
    training: dict[str, float], validation: dict[str, float]
) -> dict[str, float]:
    """Joins the values of training and validation, with statistics last."""
    statistics = {name: training[name] for name in STATISTICS if name in training}
    measured = {name: training[name] for name in training if name not in STATISTICS}
    return measured | validation | statistics
