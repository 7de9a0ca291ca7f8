"""Samples single steps: records the times of their parts and the norms of gradients.

Sampling does not change the results of a step.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from ...strategies import first_device
from ...strategies.tensorflow_internals import tensors_only, traced
from .batches import BatchTimes, now
from .measure import run_if

_MARKS = ("requested", "arrived", "computed", "summed", "ended")


@dataclass(frozen=True)
class StepTimes:
    """The durations of a step's parts in seconds; NaN if unknown.

    Attributes:
        input_wait: Waiting for the batch.
        device: From the arrival of the batch until the weights were updated.
        sums: The part of `device` between the gradients of the first replica and the sums
            over all replicas: waiting for the slowest one, and the all-reduce. NaN for a
            single replica.
    """

    input_wait: float
    device: float
    sums: float


class NoSampler:
    """Records nothing."""

    def computed(self, gradients: Mapping[str, Sequence[Any]]) -> None:
        """Called when the first replica has its gradients."""

    def summed(self, gradients: Mapping[str, Sequence[Any]]) -> None:
        """Called when gradients are summed over all replicas."""

    def measured(self, times: BatchTimes, norms: tf.Tensor | None) -> None:
        """Called with the norms of the gradients, or None if they are accumulated."""

    def accumulated(self, norms: tf.Tensor) -> None:
        """Called when gradients accumulated over several batches are applied."""

    def ended(self) -> None:
        """Called after the last step of a call to the devices."""


class StepSampler(NoSampler):
    """Records times and gradient norms of steps executed while `is_on`.

    A sampled step is the only one in its call to the devices. The other steps record only
    what they have at hand, which costs less than the decision not to.

    On a GPU, operations are queued, so that later ones may start before they have finished.
    Times recorded while `is_on` therefore depend on values copied back from the GPU.

    Args:
        strategy: The strategy that steps run with.
        variables: The trainable variables.

    Attributes:
        is_on: A bool variable: whether executed steps are sampled.
    """

    def __init__(
        self, strategy: tf.distribute.Strategy, variables: Sequence[tf.Variable]
    ) -> None:
        self._is_alone = strategy.num_replicas_in_sync == 1
        self._last = strategy.experimental_local_results(variables[0])[0]
        with tf.device("CPU:0"):
            self.is_on = tf.Variable(False, trainable=False)
            self._marks = {
                name: tf.Variable(np.nan, trainable=False, dtype=tf.float64)
                for name in _MARKS
            }
        with first_device(strategy):
            zeros = tf.zeros(len(variables), tf.float64)
            self._norms = tf.Variable(zeros, trainable=False)

    def computed(self, gradients: Mapping[str, Sequence[Any]]) -> None:
        """Records when the first replica has its gradients."""
        self._record("computed", _tensors(gradients))

    def summed(self, gradients: Mapping[str, Sequence[Any]]) -> None:
        """Records when gradients are summed over all replicas."""
        self._record("summed", _tensors(gradients))

    def measured(self, times: BatchTimes, norms: tf.Tensor | None) -> None:
        """Records when the batch arrived, and the norms of gradients if not None."""
        self._marks["requested"].assign(times.requested)
        self._marks["arrived"].assign(times.arrived)
        if norms is not None:
            self._norms.assign(norms)

    def accumulated(self, norms: tf.Tensor) -> None:
        """Records the norms of gradients accumulated over several batches."""
        self._norms.assign(norms)

    def ended(self) -> None:
        """Records when weights are updated."""
        run_if(self.is_on, lambda: self._record_now("ended", self._last))

    def read(self) -> tuple[StepTimes, Any]:
        """Returns times and gradient norms, `(variables,)`, of the last sampled step."""
        recorded = self._read().numpy()
        requested, arrived, computed, summed, ended = recorded[: len(_MARKS)].tolist()
        # Recorded in parallel, so that a short duration may be negative.
        sums = max(summed - computed, 0.0)
        times = StepTimes(max(arrived - requested, 0.0), ended - arrived, sums)
        return times, recorded[len(_MARKS) :]

    @cached_property
    def _read(self) -> Callable[[], tf.Tensor]:
        return tensors_only(self._recorded.get_concrete_function())

    @traced
    def _recorded(self) -> tf.Tensor:
        """Returns the times in the order of `_MARKS`, and the norms: `(n,)` float64."""
        with tf.device("CPU:0"):
            return tf.concat([[self._marks[name] for name in _MARKS], self._norms], 0)

    def _record(self, mark: str, tensors: list[tf.Tensor]) -> None:
        if self._is_alone:
            return
        # The first layers' gradients are computed last: on a GPU, all others are done then.
        with tf.control_dependencies(tensors):
            run_if(self.is_on, lambda: self._record_now(mark, tensors[0]))

    def _record_now(self, mark: str, tensor: Any) -> None:
        """Records the time at which a tensor has arrived on the host."""
        number = tf.reshape(tensor, [-1])[:1]
        with tf.device("CPU:0"), tf.control_dependencies([tf.identity(number)]):
            self._marks[mark].assign(now())


def _tensors(gradients: Mapping[str, Sequence[Any]]) -> list[tf.Tensor]:
    present = [g for each in gradients.values() for g in each if g is not None]
    return [g.values if isinstance(g, tf.IndexedSlices) else g for g in present]
