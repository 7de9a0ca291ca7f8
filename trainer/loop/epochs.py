"""Runs one epoch of training or validation and returns its losses and metrics."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from ...callbacks import RunState
from ...strategies import Position, workers_of
from ..contracts import BatchSource, class_names_of
from ..guards.wrong_data import no_batches
from ..setup.dataset_orders import restore_order
from ..step.batches import Batches, Result
from ..step.evaluate import EvaluationStep
from ..step.fitted_step import FittedStep
from ..step.metric_internals import reset_metrics
from ..step.metric_values import read_metrics, with_unique_names
from ..step.train import Outcome, TrainStep
from .divergence import divergence_error
from .health import HealthProbe
from .outputs import Collected, collect
from .pace import Pace
from .speed import speed_name

Clock = Callable[[], float]
MakeSteps = Callable[[tf.Tensor, tf.Tensor], Outcome]

# Values of an epoch in addition to losses and metrics.
STATISTICS = (
    "learning_rate",
    "gradient_norm",
    "images_per_second",
    "examples_per_second",  # where the data is not images
    "data_wait_seconds",
    "seconds",
)


@dataclass
class Training:
    """Trains on the batches of a source, epoch by epoch.

    Attributes:
        is_between_calls: Whether weights and position are consistent, which they are not
            during a call to the devices or after one has failed.
        step: The traced step.
        source: The source of batches.
        steps_until_due: Maps a step to the number of steps until a callback is due, or None
            if none is due.
        pace: Decides the number of steps per call.
        limit: Maximum number of batches per epoch, or None.
        max_steps: Maximum number of steps in all epochs, or None.
        health: Samples some steps, or None.
        clock: Returns the time in seconds.
    """

    step: TrainStep | FittedStep
    source: BatchSource
    steps_until_due: Callable[[int], int | None]
    pace: Pace
    limit: int | None = None
    max_steps: int | None = None
    health: HealthProbe | None = None
    clock: Clock = time.perf_counter

    def __post_init__(self) -> None:
        self._batches = Batches(self.step.strategy, self.source)
        self._workers = workers_of(self.step.strategy)
        self._speed = speed_name(self.source)
        self._started = self.clock()
        self._read_metrics: Callable[[], dict[str, float]] = dict
        self.is_between_calls = True

    def read_metrics(self) -> dict[str, float]:
        """Reads losses and metrics of the epoch up to the last call."""
        return self._read_metrics()

    @contextlib.contextmanager
    def excluded_time(self) -> Iterator[None]:
        """Opens a context whose duration does not count as training time."""
        started = self.clock()
        yield
        self._started += self.clock() - started

    def calls(self, run: RunState) -> Iterator[None]:
        """Trains until the epoch ends or a stop is requested.

        Yields:
            After each call to the devices, which executes one or several steps.

        Raises:
            DivergedError: A loss or gradient is not finite.
            DataError: The epoch has no batch.
        """
        self._started = self.clock()
        if not run.is_within_epoch:
            self.step.totals.reset()
            reset_metrics(self.step.model)
        self._rows_before = self.step.totals.read().rows
        run.samples -= self._rows_before  # `end_epoch` adds the sum of the whole epoch
        position = Position(run.epoch, run.epoch_step, self._steps_in_epoch(run))
        restore_order(self.source, run)
        yield from self._calls(run, self.step.on(self._batches.start(position)))
        self._batches.finish(is_read=run.epoch_step == run.steps_per_epoch)
        if run.epoch_step == 0 and run.stop_reason is None:
            raise no_batches("training", epoch=run.epoch + 1)

    def _calls(self, run: RunState, make_steps: MakeSteps) -> Iterator[None]:
        run.activity.position = self.step.position
        while run.stop_reason is None and self._steps_left(run) != 0:
            if not self._execute_steps(run, make_steps):
                break
            self._read_metrics = self._workers.ahead(self._values_so_far)
            yield
            if run.step == self.max_steps:
                run.end(f"max_steps={self.max_steps} is reached")

    def end_epoch(self, run: RunState) -> dict[str, float]:
        """Applies pending gradients.

        Returns:
            The epoch's values by name: losses, metrics, and `STATISTICS`.
        """
        self.step.finish_epoch()
        rows = self.step.totals.read().rows
        run.samples += rows
        return self._values_so_far() | self._statistics(run, rows)

    def _values_so_far(self) -> dict[str, float]:
        return values_so_far(self.step, self.source)

    def _execute_steps(self, run: RunState, make_steps: MakeSteps) -> bool:
        """Executes some steps; returns false if the data ended instead."""
        started = self.clock()
        steps, probe = self._next_call(run)
        self.is_between_calls = False
        try:
            with probe.measuring(run) if probe else contextlib.nullcontext():
                outcome = make_steps(_int64(run.step), _int64(steps))
        except (tf.errors.OutOfRangeError, StopIteration):
            run.steps_per_epoch = run.epoch_step
            self.is_between_calls = True
            return False
        run.step += int(outcome.steps)
        run.epoch_step += int(outcome.steps)
        run.activity.step_done(run.step)
        # A worker must not exit before all of them have finished the all-reduce of a step.
        seconds = max(self._workers.gather(self.clock() - started))
        if not outcome.finite:
            raise divergence_error(run, self.source, self._steps_in_epoch(run))
        self.is_between_calls = True
        if probe is None:
            self.pace.record(steps, seconds)
        return True

    def _steps_left(self, run: RunState) -> int | None:
        """Steps until the end of the epoch; None if unknown."""
        length = self._steps_in_epoch(run)
        lefts = [] if length is None else [length - run.epoch_step]
        if self.max_steps is not None:
            lefts.append(self.max_steps - run.step)
        return max(min(lefts), 0) if lefts else None

    def _steps_in_epoch(self, run: RunState) -> int | None:
        return limited(run.steps_per_epoch, self.limit)

    def _next_call(self, run: RunState) -> tuple[int, HealthProbe | None]:
        """Returns the number of steps to execute, and the probe of a sampled step."""
        steps = self._steps_of_call(run)
        if self.health is None:
            return steps, None
        due = self.health.steps_until_due(run)
        return (1, self.health) if due == 1 else (min(steps, due - 1), None)

    def _steps_of_call(self, run: RunState) -> int:
        left = self._steps_left(run)
        if run.steps_per_epoch is None or left is None:
            return 1  # the end may come at any step
        due = self.steps_until_due(run.step)
        return min(step for step in (self.pace.steps, left, due) if step is not None)

    def _statistics(self, run: RunState, rows: int) -> dict[str, float]:
        seconds = self.clock() - self._started
        means = self.step.totals.read()
        norm = means.gradient_norm
        return {
            "learning_rate": run.learning_rate,
            "gradient_norm": float("nan") if norm is None else norm,
            self._speed: (rows - self._rows_before) / max(seconds, 1e-9),
            "data_wait_seconds": means.wait_seconds,
            "seconds": seconds,
        }


@dataclass
class Validation:
    """Evaluates a model on the batches of a source.

    Attributes:
        step: The traced step.
        source: The source of batches.
        limit: Maximum number of batches, or None.
        between_calls: Called after each call to the devices.
        pace: Decides the number of steps per call.
        clock: Returns the time in seconds.
    """

    step: EvaluationStep
    source: BatchSource
    limit: int | None = None
    between_calls: Callable[[], None] = lambda: None
    pace: Pace = field(default_factory=lambda: Pace("auto"))
    clock: Clock = time.perf_counter

    def __post_init__(self) -> None:
        self._batches = Batches(self.step.strategy, self.source)
        self._workers = workers_of(self.step.strategy)

    def epoch(self) -> dict[str, float]:
        """Computes losses and metrics.

        Returns:
            Values by name, without `val_`.

        Raises:
            DataError: There is no batch.
        """
        self._run(self._execute_all)
        return self._values()

    def epoch_with_predictions(self) -> tuple[dict[str, float], Collected]:
        """Computes losses and metrics, and collects the predictions in order."""
        outputs = self._run(self._collect_all)
        return self._values(), outputs

    def _values(self) -> dict[str, float]:
        if self.step.totals.read().rows == 0:
            raise no_batches("validation")
        return values_so_far(self.step, self.source)

    def _run(self, read: Callable[[Iterator[Any], int | None], Result]) -> Result:
        """Calls a function with an iterator and the number of batches, None if unknown."""
        self.step.totals.reset()
        reset_metrics(self.step.model)
        steps = limited(self.source.num_batches, self.limit)
        result = read(self._batches.start(Position(0, 0, steps)), steps)
        self._batches.finish(is_read=steps == self.source.num_batches)
        return result

    def _execute_all(self, iterator: Iterator[Any], left: int | None) -> None:
        with contextlib.suppress(tf.errors.OutOfRangeError, StopIteration):
            while left != 0:
                steps = 1 if left is None else min(left, self.pace.steps)
                self._execute_steps(iterator, steps)
                left = None if left is None else left - steps

    def _execute_steps(self, iterator: Iterator[Any], steps: int) -> None:
        started = self.clock()
        self.step(iterator, _int64(steps))
        self.pace.record(steps, max(self._workers.gather(self.clock() - started)))
        self.between_calls()

    def _collect_all(self, iterator: Iterator[Any], steps: int | None) -> Collected:
        return collect(
            self.step.strategy,
            lambda: self.step.with_predictions(iterator),
            steps,
            self.between_calls,
        )


def values_so_far(
    step: TrainStep | FittedStep | EvaluationStep, source: BatchSource
) -> dict[str, float]:
    """Reads losses and metrics of the steps since the last reset, by name.

    All workers must call this.
    """
    losses = step.totals.read().losses
    metrics = read_metrics(step.model, step.strategy, class_names_of(source))
    return with_unique_names([*losses.items(), *metrics.items()])


def limited(num_batches: int | None, limit: int | None) -> int | None:
    """Returns the smaller of two numbers of batches; None stands for unknown."""
    known = [number for number in (num_batches, limit) if number is not None]
    return min(known, default=None)


def _int64(value: int) -> tf.Tensor:
    return tf.constant(value, tf.int64)
