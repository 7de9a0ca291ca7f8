"""Creates the stages of a fit: the step, validation and saver of each phase."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import tensorflow as tf

from ...callbacks import CallbackList, RunState
from ...configs import TrainerConfig
from ...core.errors import ConfigError, message
from ...features import Head, Trainee
from ...models import Module
from ...strategies import BatchSource
from ..checkpoint.saver import Saver
from ..checkpoint.state import capture, capture_frozen
from ..probe.replica_probe import check_replicas
from ..setup.batch_limits import batch_limit
from ..setup.compilation import TrainingSetup, choose_pass
from ..setup.phases import Accumulation, change_phase
from ..step.evaluate import EvaluationStep
from ..step.fitted_step import FittedStep
from ..step.sampling import StepSampler
from ..step.train import TrainStep
from .epochs import Training, Validation, limited
from .health import HealthProbe, SampledSteps
from .interruption import Interruption
from .learning_rates import try_learning_rates
from .pace import Pace
from .validation_times import ValidationTimes


@dataclass(frozen=True)
class Stage:
    """The objects used while the same variables train.

    Attributes:
        trainee: The model with its training and validation batches.
        training: Runs an epoch of training.
        validation: Runs validation, or None.
        saver: Writes checkpoints.
        batches_per_update: Number of batches over which gradients are accumulated.
    """

    trainee: Trainee
    training: Training
    validation: Validation | None
    saver: Saver
    batches_per_update: int

    @property
    def trains_on_features(self) -> bool:
        """Whether batches are of cached features."""
        return isinstance(self.trainee, Head)

    def read_metrics(self) -> dict[str, float]:
        """Fetches the current training metrics from the devices."""
        return self.training.read_metrics()

    def try_learning_rates(self, learning_rates: Sequence[float]) -> list[float]:
        """Trains one step with each learning rate, then undoes these steps.

        Returns:
            The loss of each step before the first that is not finite.

        Raises:
            ConfigError: The head is fitted and does not train in steps.
        """
        if isinstance(self.training.step, FittedStep):
            raise ConfigError(
                message(
                    "The learning rate finder needs a model that trains in steps.",
                    "Leave out the callback LearningRateFinder, or choose another head.",
                    model=self.trainee.model.name,
                )
            )
        return try_learning_rates(
            self.training.step,
            self.trainee.train,
            learning_rates,
            self.batches_per_update,
        )


@dataclass(frozen=True)
class Stages:
    """Creates the stages of one fit.

    Attributes:
        module: The module to train.
        strategy: The strategy to train with.
        settings: Settings of the Trainer.
        seed: Seed of dropout.
        whole: The whole model with its training and validation batches.
        callbacks: The callbacks, which limit the number of steps per call to the devices.
        accumulation: Gradient accumulation of the current optimizer.
        interruption: Checked between two calls to the devices in validation.
    """

    module: Module
    strategy: tf.distribute.Strategy
    settings: TrainerConfig
    seed: int
    whole: Trainee
    callbacks: CallbackList
    accumulation: Accumulation
    interruption: Interruption

    def first(self, trainee: Trainee, compiled: bool | None = None) -> Stage:
        """Creates the first stage of a fit.

        Args:
            trainee: The whole model, or its head on cached features.
            compiled: Whether XLA compiled the step of the resumed run; None for a new run.
        """
        return self._make_stage(trainee, compiled)

    def after(self, stage: Stage, run: RunState) -> Stage:
        """Starts the phase that callbacks have requested, and creates its stage.

        Args:
            stage: The finished stage.
            run: The run with the requested phases.
        """
        stage.trainee.check()
        change_phase(run, self.accumulation)
        return self._make_stage(self.whole, compiled=None)

    def _make_stage(self, trainee: Trainee, compiled: bool | None) -> Stage:
        if self.module.is_fitted:
            step: TrainStep | FittedStep = FittedStep(
                self._evaluation(trainee.model, trainee.train)
            )
        else:
            step = self._training_step(trainee, compiled)
        return Stage(
            trainee,
            self._training(step, trainee),
            self._validation(trainee),
            Saver(
                lambda run: capture(run, step, self.callbacks),
                capture_frozen,
                trainee.store,
            ),
            self.accumulation.steps,
        )

    def _training_step(self, trainee: Trainee, compiled: bool | None) -> TrainStep:
        if self.settings.check_replicas:
            check_replicas(trainee.model, self.module, self.strategy, trainee.train)
        replica_pass, line = choose_pass(
            self.settings.jit_compile,
            compiled,
            TrainingSetup(
                trainee.model, self.module, self.strategy, trainee.train, self.seed
            ),
        )
        if line:
            self.callbacks.announce([line])
        return TrainStep(
            trainee.model,
            self.module,
            self.strategy,
            trainee.train.prepare,
            self.seed,
            self.accumulation.steps,
            replica_pass,
            self._sampled_steps(trainee) is not None,
        )

    def _evaluation(self, model: keras.Model, source: BatchSource) -> EvaluationStep:
        return EvaluationStep(model, self.module, self.strategy, source.prepare)

    def _training(self, step: TrainStep | FittedStep, trainee: Trainee) -> Training:
        settings = self.settings
        return Training(
            step,
            trainee.train,
            self._steps_until_due,
            Pace(settings.steps_per_execution),
            batch_limit(settings.limit_train_batches, trainee.train.num_batches),
            settings.max_steps,
            self._make_health_probe(step, trainee),
        )

    def _make_health_probe(
        self, step: TrainStep | FittedStep, trainee: Trainee
    ) -> HealthProbe | None:
        steps = self._sampled_steps(trainee)
        if steps is None or not isinstance(step.sampler, StepSampler):
            return None
        return HealthProbe(step.model, step.strategy, step.sampler, steps)

    def _sampled_steps(self, trainee: Trainee) -> SampledSteps | None:
        """Returns the steps to sample, or None if the run is too short for one."""
        every, settings = self.callbacks.samples_every_n_steps, self.settings
        batches = trainee.train.num_batches
        length = limited(batches, batch_limit(settings.limit_train_batches, batches))
        whole = None if length is None else length * settings.max_epochs
        last = limited(whole, settings.max_steps)
        if every is None or (last is not None and last < every):
            return None
        return SampledSteps(every, self.accumulation.steps)

    def _validation(self, trainee: Trainee) -> Validation | None:
        source = trainee.validation
        if source is None:
            return None
        step = self._evaluation(trainee.model, source)
        limit = batch_limit(self.settings.limit_val_batches, source.num_batches)
        return Validation(step, source, limit, self.interruption.check)

    def _steps_until_due(self, step: int) -> int | None:
        times = ValidationTimes.of(self.settings)
        return limited(self.callbacks.steps_until_due(step), times.steps_until_due(step))
