"""What a fit has done so far: made by the Trainer, handed to every hook."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from ..core.run_layout import CHECKPOINTS_FOLDER, checkpoint_name
from ..evaluation import Predictions
from ..models.optimizer import unwrapped
from ..models.phases import Phase


@dataclass
class RunState:
    """The state of one fit.

    Counts are of what is done: in the first epoch `epoch` is 0, in `on_epoch_end` of
    the first epoch it is 1.

    Attributes:
        model: What is trained.
        strategy: Where it is trained.
        data: What `fit` was given.
        settings: What the run was asked to do: values that JSON can hold.
        max_epochs: Epochs after which the fit ends.
        min_epochs: Epochs before which `request_stop` is not heeded.
        steps_per_epoch: None until known.
        has_validation: Whether there is validation data.
        skipped_validation: Whether the epoch that has just ended had no validation,
            though there is data for it.
        run_dir: Where files go, or None if nothing is to be written.
        epoch: Finished epochs.
        step: Finished steps in all epochs.
        epoch_step: Finished steps of the current epoch.
        samples: Examples trained on in finished epochs, each as often as it came.
        validated_step: Step after which the newest validation was, or None.
        trained: Training values of the current epoch, once it lacks only validation.
        metrics: The newest values by name: of the whole epoch in `on_epoch_end`; in
            `on_train_step_end` call `read_metrics` for those up to now.
        history: Values per epoch by name, as in Keras's History; NaN where an epoch
            had none.
        validation: What the model said of the validation data in this epoch, if a
            callback `wants_validation_predictions`.
        description: Lines that say what will happen, for the start.
        phases: What has changed of the model since the fit began, as `Phase`s.
        requested_phases: What is to change before the next epoch.
        stop_reason: Why the fit is to end or has ended, or None.
        signal: Number of the signal that ended it, or None.
        is_interrupted: Whether it was ended before its time, to be resumed.
        save_requested: Whether a checkpoint is to be written.
        resumed_from: The checkpoint with which this fit began, or None.
        try_learning_rates: Trains a step with each of these and takes it back; gives the
            losses, up to the first that is not finite. Before the first step only.
        read_metrics: Fetches the training metrics up to now from the device.
    """

    model: keras.Model
    strategy: tf.distribute.Strategy
    data: Any = None
    settings: dict[str, Any] = field(default_factory=dict)
    max_epochs: int = 1
    min_epochs: int = 0
    steps_per_epoch: int | None = None
    has_validation: bool = False
    skipped_validation: bool = False
    run_dir: Path | None = None
    epoch: int = 0
    step: int = 0
    epoch_step: int = 0
    samples: int = 0
    validated_step: int | None = None
    trained: dict[str, float] | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    history: dict[str, list[float]] = field(default_factory=dict)
    validation: Predictions | None = None
    description: list[str] = field(default_factory=list)
    phases: list[dict[str, Any]] = field(default_factory=list)
    requested_phases: list[dict[str, Any]] = field(default_factory=list)
    stop_reason: str | None = None
    signal: int | None = None
    is_interrupted: bool = False
    save_requested: bool = False
    resumed_from: Path | None = None
    try_learning_rates: Callable[[Sequence[float]], list[float]] = list
    read_metrics: Callable[[], dict[str, float]] = dict

    def request_stop(self, reason: str) -> None:
        """Ends the fit after the current step; the first reason stays.

        Before `min_epochs` are done nothing happens: ask again in a later epoch.
        """
        if self.epoch >= self.min_epochs:
            self.end(reason)

    def end(self, reason: str) -> None:
        """Ends the fit after the current step, whatever `min_epochs` says."""
        self.stop_reason = self.stop_reason or reason

    def request_phase(self, phase: Phase) -> None:
        """Changes what trains before the next epoch, if there is one."""
        self.requested_phases.append(asdict(phase))

    def interrupt(self, reason: str, signal: int | None) -> None:
        """Ends the fit where it stands, to be resumed."""
        self.stop_reason, self.signal, self.is_interrupted = reason, signal, True

    def request_save(self) -> None:
        """Asks for a checkpoint once all callbacks have had their turn."""
        self.save_requested = True

    def end_epoch(self, metrics: dict[str, float]) -> None:
        """Counts an epoch as finished, and keeps its values."""
        self.metrics = metrics
        self.trained = None
        self.epoch += 1
        self.epoch_step = 0
        for name in dict.fromkeys((*self.history, *metrics)):
            values = self.history.setdefault(name, [math.nan] * (self.epoch - 1))
            values.append(metrics.get(name, math.nan))

    @property
    def is_within_epoch(self) -> bool:
        """Whether the current epoch has begun."""
        return self.epoch_step > 0 or self.trained is not None

    @property
    def checkpoint_dir(self) -> Path | None:
        """Where checkpoints go."""
        return self.run_dir / CHECKPOINTS_FOLDER if self.run_dir else None

    @property
    def checkpoint_name(self) -> str:
        """Directory name of the checkpoint of this state."""
        return checkpoint_name(self.step, self.is_within_epoch)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))

    @property
    def has_fixed_learning_rate(self) -> bool:
        """Whether the learning rate can be set, as it is no schedule."""
        config = unwrapped(self.model.optimizer).get_config()
        return isinstance(config["learning_rate"], float)
