"""Runs one epoch of training or validation and says what came out."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from ..callbacks import CallbackList, RunState
from ..core.errors import DivergedError
from ..strategies import Position
from .batches import Batches, BatchSource
from .evaluation_step import EvaluationStep
from .keras_internals import metric_results, reset_metrics
from .outputs import Collected, collect
from .pace import Pace
from .train_step import TrainStep

Clock = Callable[[], float]


@dataclass
class Training:
    """Trains through the batches of a source, epoch by epoch.

    Attributes:
        step: The traced step.
        source: Where batches come from.
        callbacks: Whose `on_train_step_end` is called.
        pace: How many steps to make before Python looks again.
        limit: Batches per epoch at most, or None.
        max_steps: Steps in all epochs at most, or None.
        clock: Tells the time in seconds.
    """

    step: TrainStep
    source: BatchSource
    callbacks: CallbackList
    pace: Pace
    limit: int | None = None
    max_steps: int | None = None
    clock: Clock = time.perf_counter

    def __post_init__(self) -> None:
        self._batches = Batches(self.step.strategy, self.source)

    def epoch(self, run: RunState) -> dict[str, float]:
        """Trains until the epoch ends, or until somebody asks to stop.

        Returns:
            The epoch's values by name: losses, metrics, learning rate and speed.

        Raises:
            DivergedError: A loss or gradient is not finite.
        """
        started = self.clock()
        self.step.totals.reset()
        reset_metrics(run.model)
        run.read_metrics = lambda: self._values(run.model)
        position = Position(run.epoch, run.epoch_step, self._length(run))
        iterator = self._batches.start(position)
        while run.stop_reason is None and self._steps_left(run) != 0:
            if not self._call(run, iterator):
                break
            self.callbacks.notify_step_end(run)
            if run.step == self.max_steps:
                run.request_stop(f"max_steps={self.max_steps} is reached")
        self.step.finish_epoch()
        return self._values(run.model) | self._speed(run, self.clock() - started)

    def _call(self, run: RunState, iterator: Iterator[Any]) -> bool:
        """Makes some steps; false if the data came to their end instead."""
        started = self.clock()
        steps = self._steps_of_call(run)
        try:
            outcome = self.step(iterator, _int64(run.step), _int64(steps))
        except (tf.errors.OutOfRangeError, StopIteration):
            run.steps_per_epoch = run.epoch_step
            return False
        run.step += int(outcome.steps)
        run.epoch_step += int(outcome.steps)
        if not outcome.finite:
            raise DivergedError(
                f"The loss or a gradient of step {run.step} (epoch {run.epoch + 1}, batch "
                f"{run.epoch_step}) is not finite. Received: "
                f"learning_rate={run.learning_rate}. Try a smaller learning rate, "
                "optimizer.global_clipnorm=1.0, or look at this batch."
            )
        self.pace.record(steps, self.clock() - started)
        return True

    def _steps_left(self, run: RunState) -> int | None:
        """Steps until the epoch's end; None if not known."""
        length = self._length(run)
        lefts = [] if length is None else [length - run.epoch_step]
        if self.max_steps is not None:
            lefts.append(self.max_steps - run.step)
        return max(min(lefts), 0) if lefts else None

    def _length(self, run: RunState) -> int | None:
        return limited(run.steps_per_epoch, self.limit)

    def _steps_of_call(self, run: RunState) -> int:
        left = self._steps_left(run)
        if run.steps_per_epoch is None or left is None:
            return 1  # the end may come at any step
        due = self.callbacks.steps_until_due(run.step)
        return min(step for step in (self.pace.steps, left, due) if step is not None)

    def _values(self, model: keras.Model) -> dict[str, float]:
        losses, _, _ = self.step.totals.read()
        return losses | {name: float(v) for name, v in metric_results(model).items()}

    def _speed(self, run: RunState, seconds: float) -> dict[str, float]:
        _, rows, wait_seconds = self.step.totals.read()
        return {
            "learning_rate": run.learning_rate,
            "images_per_second": rows / max(seconds, 1e-9),
            "data_wait_seconds": wait_seconds,
            "seconds": seconds,
        }


@dataclass
class Validation:
    """Measures a model on the batches of a source.

    Attributes:
        step: The traced step.
        source: Where batches come from.
        limit: Batches at most, or None.
    """

    step: EvaluationStep
    source: BatchSource
    limit: int | None = None

    def __post_init__(self) -> None:
        self._batches = Batches(self.step.strategy, self.source)

    def epoch(self, model: keras.Model) -> dict[str, float]:
        """Measures losses and metrics.

        Returns:
            Values by name, without `val_`.
        """
        iterator, steps = self._begin(model)
        if steps is None:
            _until_exhausted(lambda: self.step(iterator, _int64(1)))
        else:
            self.step(iterator, _int64(steps))
        return self._values(model)

    def epoch_with_predictions(
        self, model: keras.Model
    ) -> tuple[dict[str, float], Collected]:
        """Measures, and keeps what the model says of each example, in order."""
        iterator, steps = self._begin(model)
        outputs = collect(
            self.step.strategy, lambda: self.step.with_predictions(iterator), steps
        )
        return self._values(model), outputs

    def _begin(self, model: keras.Model) -> tuple[Iterator[Any], int | None]:
        self.step.totals.reset()
        reset_metrics(model)
        steps = limited(self.source.num_batches, self.limit)
        return self._batches.start(Position(0, 0, steps)), steps

    def _values(self, model: keras.Model) -> dict[str, float]:
        losses, _, _ = self.step.totals.read()
        return losses | {name: float(v) for name, v in metric_results(model).items()}


def limited(num_batches: int | None, limit: int | None) -> int | None:
    """The smaller of two numbers of batches, of which either may not be known."""
    known = [number for number in (num_batches, limit) if number is not None]
    return min(known, default=None)


def _until_exhausted(step: Callable[[], object]) -> None:
    try:
        while True:
            step()
    except (tf.errors.OutOfRangeError, StopIteration):
        return


def _int64(value: int) -> tf.Tensor:
    return tf.constant(value, tf.int64)
