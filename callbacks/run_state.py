"""The state of a fit, created by the Trainer and passed to every hook."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import keras
import tensorflow as tf

from ..core.run_events import Event, EventKind, Events
from ..core.run_layout import CHECKPOINTS_FOLDER
from ..evaluation import Predictions
from ..models.averaged_weights import AveragedWeights
from ..models.optimizer import unwrapped
from ..models.phases import Phase
from ..models.variables import value_on_host
from ..models.weight_soup import Soup, SoupRecipe
from .activity import Activity
from .background import Background
from .health_record import HealthRecord
from .monitor import Monitor
from .run_progress import RunProgress


class Engine(Protocol):
    """The operations of the training engine that callbacks can use."""

    @property
    def trains_on_features(self) -> bool:
        """See `RunState.trains_on_features`."""

    def read_metrics(self) -> dict[str, float]:
        """See `RunState.read_metrics`."""

    def try_learning_rates(self, learning_rates: Sequence[float]) -> list[float]:
        """See `RunState.try_learning_rates`."""


@dataclass
class RunState(RunProgress):
    """The state of one fit, as callbacks see it.

    It has the attributes of `RunProgress` as well: `epoch`, `step`, `history` and others.

    Attributes:
        model: The model that is trained.
        strategy: The distribution strategy.
        data: The data passed to `fit`.
        settings: The settings of the run, as JSON values.
        monitor: The metric that determines the best epoch, if a callback has set one.
        max_epochs: Number of epochs after which the fit ends.
        min_epochs: Number of epochs before which `request_stop` has no effect.
        steps_per_epoch: Number of steps per epoch; None until known.
        has_validation: Whether there is validation data.
        run_dir: The run directory, or None if nothing is written.
        resumed_from: The checkpoint that this fit resumed from, or None.
        description: Lines that describe the run at its start.
        metrics: The latest values by name. In `on_epoch_end`, these are the values of the
            epoch; in `on_train_step_end`, call `read_metrics` for current values.
        validation: The predictions for the validation data in this epoch, if a callback
            `wants_validation_predictions`.
        skipped_validation: Whether the last epoch had no validation although there is data
            for it.
        save_requested: Whether a checkpoint was requested.
        is_interrupted: Whether the fit was interrupted, to be resumed later.
        signal: Number of the signal that interrupted it, or None.
        requested_soup: The checkpoints to average at the end, or None.
        soup: The resulting average, or None.
        engine: The training engine; None before `on_fit_begin`.
        averages: The moving averages of the weights, if `trainer.use_ema_weights` is set.
        health: The samples of training steps.
        background: Runs slow jobs, such as drawing, in the background.
        events: Passes reported events to all callbacks.
        activity: The current activity of the loop, for other threads.
        workers: Values about the other workers in the epoch, by name.
    """

    model: keras.Model
    strategy: tf.distribute.Strategy
    data: Any = None
    settings: dict[str, Any] = field(default_factory=dict)
    monitor: Monitor | None = None
    max_epochs: int = 1
    min_epochs: int = 0
    steps_per_epoch: int | None = None
    has_validation: bool = False
    run_dir: Path | None = None
    resumed_from: Path | None = None
    description: list[str] = field(default_factory=list)

    metrics: dict[str, float] = field(default_factory=dict)
    validation: Predictions | None = None
    skipped_validation: bool = False
    save_requested: bool = False
    is_interrupted: bool = False
    signal: int | None = None
    requested_soup: SoupRecipe | None = None
    soup: Soup | None = None
    engine: Engine | None = None
    averages: AveragedWeights | None = None
    health: HealthRecord = field(default_factory=HealthRecord, repr=False, compare=False)
    background: Background = field(default_factory=Background, repr=False, compare=False)
    events: Events = field(default_factory=Events, repr=False, compare=False)
    activity: Activity = field(default_factory=Activity, repr=False, compare=False)
    workers: dict[str, float] = field(default_factory=dict, repr=False, compare=False)

    def report(self, kind: EventKind, text: str, subject: str = "") -> None:
        """Reports an event to `on_event` of all callbacks. May be called from any thread.

        Args:
            kind: One of `keraunos.core.run_events.KINDS`.
            text: A description in one sentence.
            subject: What the event is about; see `Event`.
        """
        self.events.report(Event(kind, text, self.step, time.time(), subject))

    @property
    def trains_on_features(self) -> bool:
        """Whether batches consist of cached features, so that no image is decoded."""
        return self.engine is not None and self.engine.trains_on_features

    def read_metrics(self) -> dict[str, float]:
        """Fetches the current training metrics from the devices."""
        return self.engine.read_metrics() if self.engine else {}

    def try_learning_rates(self, learning_rates: Sequence[float]) -> list[float]:
        """Trains one step with each learning rate, then undoes these steps.

        May only be called before the first step.

        Returns:
            The losses, up to the first that is not finite.
        """
        return self.engine.try_learning_rates(learning_rates) if self.engine else []

    def averages_in_model(self) -> AbstractContextManager[None]:
        """Returns a context in which the model has its averaged weights.

        Without `trainer.use_ema_weights`, the weights are not changed. The hooks from
        `on_validation_begin` to `on_epoch_end` are called in this context.
        """
        return self.averages.in_model() if self.averages else nullcontext()

    def request_stop(self, reason: str) -> None:
        """Ends the fit after the current step; the first reason is kept.

        Has no effect before `min_epochs` are finished; request again in a later epoch.
        """
        if self.epoch >= self.min_epochs:
            self.end(reason)

    def end(self, reason: str) -> None:
        """Ends the fit after the current step, regardless of `min_epochs`."""
        self.stop_reason = self.stop_reason or reason

    def request_phase(self, phase: Phase) -> None:
        """Requests a new phase before the next epoch, if there is one."""
        self.requested_phases.append(asdict(phase))

    def request_save(self) -> None:
        """Requests a checkpoint after all callbacks have run."""
        self.save_requested = True

    def interrupt(self, reason: str, signal: int | None) -> None:
        """Interrupts the fit, to be resumed later."""
        self.stop_reason, self.signal, self.is_interrupted = reason, signal, True

    def end_epoch(self, metrics: dict[str, float]) -> None:
        """Counts an epoch as finished and records its values."""
        super().end_epoch(metrics)
        self.metrics = metrics

    @property
    def is_last_epoch(self) -> bool:
        """Whether the epoch that has just ended is the last one, as far as known."""
        return self.stop_reason is not None or self.epoch >= self.max_epochs

    @property
    def checkpoint_dir(self) -> Path | None:
        """The directory of checkpoints."""
        return self.run_dir / CHECKPOINTS_FOLDER if self.run_dir else None

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        rate = self.model.optimizer.learning_rate
        return float(value_on_host(rate) if isinstance(rate, keras.Variable) else rate)

    @property
    def has_fixed_learning_rate(self) -> bool:
        """Whether the learning rate is a constant, not a schedule."""
        config = unwrapped(self.model.optimizer).get_config()
        return isinstance(config["learning_rate"], float)
