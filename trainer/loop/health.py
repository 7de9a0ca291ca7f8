"""Samples single steps to measure their times, gradients and weight updates."""

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from ...callbacks import RunState
from ...models.blocks import Blocks
from ...strategies import WorkerHeartbeat, gpu_peaks_gib, workers_of
from ..step.sampling import StepSampler, StepTimes
from ..step.weight_change import WeightChange


@dataclass(frozen=True)
class SampledSteps:
    """Chooses the steps to sample, which are the same in a resumed run.

    With gradient accumulation, this is the first step at or after each multiple of
    `every_n_steps` that updates the weights.

    Attributes:
        every_n_steps: Number of steps between samples.
        batches_per_update: Number of batches over which gradients are accumulated.

    Example:
        >>> steps = SampledSteps(every_n_steps=50, batches_per_update=1)
        >>> steps.until_next(step=30, epoch_step=30)
        20
    """

    every_n_steps: int
    batches_per_update: int = 1

    def until_next(self, step: int, epoch_step: int) -> int:
        """Returns the number of steps up to and including the next sampled one.

        Args:
            step: Number of finished steps.
            epoch_step: Number of finished steps in this epoch.
        """
        every, updates = self.every_n_steps, self.batches_per_update
        number = updates - epoch_step % updates  # to the next update of the weights
        past = (step + number) % every
        if past >= updates:  # not the first update after a multiple
            number += -(-(every - past) // updates) * updates
        return number


class HealthProbe:
    """Measures single steps.

    Args:
        model: The model in training.
        strategy: The strategy that it is trained with.
        sampler: The sampler of the traced step.
        steps: Chooses the steps to measure.
    """

    def __init__(
        self, model: keras.Model, strategy: Any, sampler: StepSampler, steps: SampledSteps
    ) -> None:
        self._model = model
        self._replicas = strategy.num_replicas_in_sync
        self._sampler = sampler
        self._steps = steps
        self._has_failed = False
        variables = model.trainable_variables
        self._blocks = Blocks(model, variables)
        self._change = WeightChange(strategy, [each.value for each in variables])

    def steps_until_due(self, run: RunState) -> int:
        """Returns the number of steps until the next sample, at least 1.

        A sampled step must be the only one in its call to the devices.
        """
        return self._steps.until_next(run.step, run.epoch_step)

    @contextlib.contextmanager
    def measuring(self, run: RunState) -> Iterator[None]:
        """Measures the step executed in this context and adds it to `run.health`.

        If measuring fails, nothing more is measured and training continues. The steps that
        would be sampled are still called one at a time, as on the other workers.
        """
        before = None if self._has_failed else self._call_or_disable(run, self._begin, run)
        try:
            yield
        finally:
            self._sampler.is_on.assign(False, read_value=False)
        if before is not None:
            self._call_or_disable(run, self._end, run, *before)

    def _call_or_disable(
        self, run: RunState, part: Callable[..., Any], *arguments: Any
    ) -> Any:
        try:
            return part(*arguments)
        except Exception as error:
            self._has_failed = True
            run.report("monitor", f"steps are no longer sampled: {error}")
            return None

    def _begin(self, run: RunState) -> tuple[list[Any], dict[str, float]]:
        """Returns a copy of the weights, and the values that the step may change."""
        weights = self._change.before()
        values = {"learning_rate": run.learning_rate, **_loss_scale(self._model.optimizer)}
        self._sampler.is_on.assign(True, read_value=False)
        return weights, values

    def _end(self, run: RunState, before: list[Any], values: dict[str, float]) -> None:
        change, length = self._change.lengths(before)
        times, norms = self._sampler.read()
        ratios = _update_ratios(self._blocks.lengths(change), self._blocks.lengths(length))
        own_times = _time_values(times, self._replicas)
        share = own_times["input_wait_share"]  # NaN where TensorFlow has no clock
        run.activity.input_wait_share = share if math.isfinite(share) else None
        run.health.add(
            run.step + 1,
            own_times
            | _prefix_names(
                "input_wait_share",
                _input_wait_shares(workers_of(run.strategy).heartbeats()),
            )
            | values
            | _prefix_names("gradient_norm", self._blocks.lengths(norms))
            | _prefix_names("update_ratio", ratios)
            | _prefix_names("memory_gib", gpu_peaks_gib()),
        )


def _time_values(times: StepTimes, replicas: int) -> dict[str, float]:
    """Computes times and shares; a single replica has no all-reduce."""
    whole = max(times.input_wait + times.device, 1e-9)
    values = {
        "input_wait_seconds": times.input_wait,
        "device_seconds": times.device,
        "input_wait_share": times.input_wait / whole,
    }
    share = {"all_reduce_share": times.sums / max(times.device, 1e-9)}
    return values | share if replicas > 1 else values


def _input_wait_shares(heartbeats: Sequence[WorkerHeartbeat]) -> dict[str, float]:
    """Returns the last reported `input_wait_share` of each other worker."""
    statuses = {f"worker_{each.rank}": each.status for each in heartbeats if each.status}
    return {worker: share for worker, (*_, share) in statuses.items() if share is not None}


def _prefix_names(group: str, values: dict[str, float]) -> dict[str, float]:
    return {f"{group}/{name}": value for name, value in values.items()}


def _loss_scale(optimizer: keras.optimizers.Optimizer) -> dict[str, float]:
    """Returns the loss scale of mixed precision; empty if the loss is not scaled."""
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return {}
    return {"loss_scale": float(keras.ops.convert_to_numpy(optimizer.dynamic_scale))}


def _update_ratios(
    changes: dict[str, float], lengths: dict[str, float]
) -> dict[str, float]:
    """Divides the norms of weight changes by those of the weights, except zero weights."""
    return {name: changes[name] / length for name, length in lengths.items() if length}
