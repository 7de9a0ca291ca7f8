"""The engine without a Trainer around it: one trace, many small trainings."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from helpers import replicas, weights_of
from keraunos.callbacks import CallbackList, RunState
from keraunos.models import FunctionModule
from keraunos.trainer.loop.epochs import Training
from keraunos.trainer.loop.health import HealthProbe, SampledSteps
from keraunos.trainer.loop.pace import Pace
from keraunos.trainer.setup.compilation import TrainingSetup, choose_pass
from keraunos.trainer.setup.compiled_model import build_model
from keraunos.trainer.setup.datasets import as_source
from keraunos.trainer.step.keras_internals import accumulation_taken_over
from keraunos.trainer.step.train import TrainStep


class Engine:
    """Trains one model on several data sets, each time from the same start.

    Args:
        build: Returns a compiled model.
        dataset: Any dataset with the element spec of later ones.
        count: Number of replicas.
        steps_per_execution: Steps per call.
        seed: Seed of weights and dropout.
        sync_batch_norm: Like that of the Trainer.
        jit_compile: Like that of the Trainer.
        every_n_steps: Interval of sampled steps; None to sample none.

    Attributes:
        samples: Samples of the latest training, by step.
    """

    def __init__(
        self,
        build: Callable[[], keras.Model],
        dataset: tf.data.Dataset,
        count: int,
        steps_per_execution: int = 16,
        seed: int = 0,
        sync_batch_norm: bool = True,
        jit_compile: bool = False,
        every_n_steps: int | None = None,
    ) -> None:
        keras.utils.set_random_seed(seed)
        self.strategy = replicas(count)
        module, source = FunctionModule(build), as_source(dataset, "data")
        self.model = build_model(module, self.strategy, source, sync_batch_norm)
        self._pace = Pace(steps_per_execution)
        with accumulation_taken_over(self.model.optimizer) as accumulate:
            trained = TrainingSetup(self.model, module, self.strategy, source, seed)
            self.replica_pass = choose_pass(jit_compile, None, trained).replica_pass
            self.step = TrainStep(
                self.model,
                module,
                self.strategy,
                source.prepare,
                seed,
                accumulate,
                self.replica_pass,
                every_n_steps is not None,
            )
        self._health = None
        if every_n_steps is not None:
            steps = SampledSteps(every_n_steps, accumulate)
            self._health = HealthProbe(self.model, self.strategy, self.step.sampler, steps)
        self.samples: dict[int, dict[str, float]] = {}
        self._variables = [*self.model.variables, *self.model.optimizer.variables]
        self._start = [np.array(each.numpy()) for each in self._variables]

    def train(
        self, dataset: tf.data.Dataset, epochs: int = 2
    ) -> tuple[list[dict[str, float]], list[np.ndarray]]:
        """Losses and metrics of each epoch, and the weights at the end."""
        with self.strategy.scope():
            for variable, value in zip(self._variables, self._start, strict=True):
                variable.assign(value)
        source = as_source(dataset, "data")
        callbacks = CallbackList({})
        training = Training(
            self.step,
            source,
            callbacks.steps_until_due,
            self._pace,
            health=self._health,
        )
        self.samples = {}
        run = RunState(self.model, self.strategy, steps_per_epoch=source.num_batches)
        history = []
        for _ in range(epochs):
            for _ in training.calls(run):
                if run.health.step == run.step:
                    self.samples[run.step] = run.health.values
            values = training.end_epoch(run)
            history.append(without_speed(values))
            run.end_epoch(values)
        self._require_equal_copies()
        return history, weights_of(self.model)

    def _require_equal_copies(self) -> None:
        """Each device updates its own copies, which must stay identical."""
        optimizer = self.model.optimizer
        for variable in (*self.model.trainable_variables, *optimizer.variables):
            copies = self.strategy.experimental_local_results(variable.value)
            for copy in copies[1:]:
                np.testing.assert_array_equal(copies[0], copy, variable.path)


def without_speed(values: dict[str, Any]) -> dict[str, float]:
    """The values that do not depend on the machine."""
    speed = (
        "images_per_second",
        "examples_per_second",
        "data_wait_seconds",
        "seconds",
        "learning_rate",
    )
    return {name: value for name, value in values.items() if name not in speed}
