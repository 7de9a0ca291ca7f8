"""Puts together what the loop runs on during one phase of a fit."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from ..callbacks import CallbackList
from ..configs import TrainerConfig
from ..features import Trainee
from ..models import Module
from .checkpoint.saver import Saver
from .checkpoint.state import capture, capture_frozen
from .loop.epochs import Training, Validation, limited
from .loop.pace import Pace
from .loop.validation_times import ValidationTimes
from .probe.replica_probe import check_replicas
from .setup.batch_limits import batch_limit
from .step.evaluate import EvaluationStep
from .step.train import TrainStep


class Parts(NamedTuple):
    """What the loop runs on.

    Attributes:
        training: Runs an epoch of training.
        validation: Runs validation, or None.
        saver: Writes the state of the run.
    """

    training: Training
    validation: Validation | None
    saver: Saver


@dataclass(frozen=True)
class Assembly:
    """What is the same in all phases.

    Attributes:
        module: What to train.
        strategy: Where.
        settings: Of the Trainer.
        seed: Of dropout.
        callbacks: What happens around.
        train_limit: Batches per epoch at most, or None.
        between_calls: Is called between two calls to the devices in validation.
    """

    module: Module
    strategy: tf.distribute.Strategy
    settings: TrainerConfig
    seed: int
    callbacks: CallbackList
    train_limit: int | None
    between_calls: Callable[[], None]

    def parts(self, trainee: Trainee, accumulate: int) -> Parts:
        """Everything for the variables of a model that train now.

        Args:
            trainee: The model, and what it is trained on.
            accumulate: Over how many batches gradients are added up.
        """
        if self.settings.check_replicas:
            check_replicas(trainee.model, self.module, self.strategy, trainee.train)
        callbacks = self.callbacks
        step = TrainStep(
            trainee.model,
            self.module,
            self.strategy,
            trainee.train.prepare,
            self.seed,
            accumulate,
        )
        training = Training(
            step,
            trainee.train,
            self._steps_until_due,
            Pace(self.settings.steps_per_execution),
            self.train_limit,
            self.settings.max_steps,
        )
        saver = Saver(
            lambda run: capture(run, step, callbacks), capture_frozen, trainee.store
        )
        return Parts(training, self._validation(trainee), saver)

    def _steps_until_due(self, step: int) -> int | None:
        times = ValidationTimes.of(self.settings)
        return limited(self.callbacks.steps_until_due(step), times.steps_until_due(step))

    def _validation(self, trainee: Trainee) -> Validation | None:
        model, source = trainee.model, trainee.validation
        if source is None:
            return None
        step = EvaluationStep(model, self.module, self.strategy, source.prepare)
        limit = batch_limit(self.settings.limit_val_batches, source.num_batches)
        return Validation(step, source, limit, self.between_calls)
