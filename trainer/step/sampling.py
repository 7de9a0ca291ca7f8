"""Looks into single steps: when their parts were done, and how large gradients were.

What a step computes does not change: nothing of it depends on what is noted here, and
steps that are not sampled note nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from .batches import Arrival, now
from .measure import when

_MARKS = ("asked", "came", "computed", "summed", "ended")


@dataclass(frozen=True)
class StepTimes:
    """Where the time of a step went, in seconds; NaN where it can't be told.

    Attributes:
        input_wait: Waiting for the batch.
        device: From then on until the weights were updated.
        sums: The part of that from when the first replica had its gradients until it had
            the sums of all: waiting for the slowest, and adding up. NaN if it is alone.
    """

    input_wait: float
    device: float
    sums: float


class NoSampler:
    """Notes nothing."""

    def computed(self, gradients: Mapping[str, Sequence[Any]]) -> None:
        """The first replica has its gradients."""

    def summed(self, gradients: Mapping[str, Sequence[Any]]) -> None:
        """The sums over all replicas are there."""

    def accumulated(self, norms: tf.Tensor) -> None:
        """Gradients of these norms, added up over several batches, are applied."""

    def ended(self, arrival: Arrival, norms: tf.Tensor | None) -> None:
        """The weights are updated, with gradients of these norms if they are known."""


class StepSampler(NoSampler):
    """Notes what happens in steps that are made while `is_on`.

    On a GPU operations are only queued when those after them begin. What is noted
    depends on numbers that have come back from it.

    Args:
        strategy: Where steps run.
        variables: What trains.

    Attributes:
        is_on: A bool variable: whether the steps that are being made are sampled.
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
            zeros = tf.zeros(len(variables), tf.float64)
            self._norms = tf.Variable(zeros, trainable=False)

    def computed(self, gradients: Mapping[str, Sequence[Any]]) -> None:
        """The first replica has its gradients."""
        self._note("computed", _tensors(gradients))

    def summed(self, gradients: Mapping[str, Sequence[Any]]) -> None:
        """The sums over all replicas are there."""
        self._note("summed", _tensors(gradients))

    def accumulated(self, norms: tf.Tensor) -> None:
        """Gradients of these norms, added up over several batches, are applied."""
        when(self.is_on, lambda: self._norms.assign(norms))

    def ended(self, arrival: Arrival, norms: tf.Tensor | None) -> None:
        """The weights are updated, with gradients of these norms if they are known."""

        def note() -> None:
            self._marks["asked"].assign(arrival.asked)
            self._marks["came"].assign(arrival.came)
            if norms is not None:
                self._norms.assign(norms)
            self._note_now("ended", self._last)

        when(self.is_on, note)

    def read(self) -> tuple[StepTimes, Any]:
        """Times and gradient norms, `(variables,)`, of the newest step that was sampled."""
        asked, came, computed, summed, ended = (
            float(self._marks[name].numpy()) for name in _MARKS
        )
        # The two last are noted side by side: of a short time the order may be wrong.
        sums = max(summed - computed, 0.0)
        times = StepTimes(max(came - asked, 0.0), ended - came, sums)
        return times, self._norms.numpy()

    def _note(self, mark: str, tensors: list[tf.Tensor]) -> None:
        if self._is_alone:
            return
        # Those of the first layers come last: on a GPU all others are done by then.
        with tf.control_dependencies(tensors):
            when(self.is_on, lambda: self._note_now(mark, tensors[0]))

    def _note_now(self, mark: str, tensor: Any) -> None:
        """Notes the time at which a tensor has come to the host."""
        number = tf.reshape(tensor, [-1])[:1]
        with tf.device("CPU:0"), tf.control_dependencies([tf.identity(number)]):
            self._marks[mark].assign(now())


def _tensors(gradients: Mapping[str, Sequence[Any]]) -> list[tf.Tensor]:
    present = [g for each in gradients.values() for g in each if g is not None]
    return [g.values if isinstance(g, tf.IndexedSlices) else g for g in present]
