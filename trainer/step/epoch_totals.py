"""Sums losses and statistics over an epoch, on the device."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ...core.bundle import Arrays

_TOTALS = "totals"
_VALUE = "value/"
_OWN = ("rows", "wait_seconds", "updates", "gradient_norms")


class Means(NamedTuple):
    """The means of an epoch so far.

    Attributes:
        losses: Means over examples by name, including other values of `training_step`.
        rows: Number of examples.
        wait_seconds: Total seconds of waiting for data.
        gradient_norm: Mean gradient norm of updates; None if there was none.
    """

    losses: dict[str, float]
    rows: int
    wait_seconds: float
    gradient_norm: float | None


class EpochTotals:
    """Sums losses, examples, waiting times and gradient norms over the steps of an epoch.

    Created and used in cross-replica context, on one device. Sums are float64, so that long
    epochs don't lose precision.

    Args:
        names: Names of the losses, in the order in which they are passed to `add`.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        zeros = tf.zeros(len(_OWN) + len(names), tf.float64)
        self.sums = tf.Variable(zeros, trainable=False, name="epoch_totals")
        self.values: dict[str, tf.Variable] = {}

    def add(
        self,
        losses: Sequence[tf.Tensor],
        rows: tf.Tensor,
        wait_seconds: tf.Tensor,
        values: Mapping[str, tf.Tensor],
        gradient_norm: tf.Tensor | None = None,
    ) -> None:
        """Adds a step.

        Args:
            losses: Mean of each loss over the examples of the step.
            rows: Number of examples of the step.
            wait_seconds: Seconds that the step waited for data.
            values: Other values to log, summed over the examples of the step.
            gradient_norm: Norm of the gradient, if it is applied in this step; otherwise
                see `add_update`.
        """
        for name, value in values.items():
            self._value(name).assign_add(tf.cast(value, tf.float64))
        rows, wait_seconds = tf.cast(rows, tf.float64), tf.cast(wait_seconds, tf.float64)
        shares = [tf.cast(loss, tf.float64) * rows for loss in losses[: len(self.names)]]
        self.sums.assign_add(
            tf.stack([rows, wait_seconds, *_update(gradient_norm), *shares])
        )

    def add_update(self, gradient_norm: tf.Tensor) -> None:
        """Adds the norm of an applied gradient; ignored if it is not finite."""
        shares = [0.0] * len(self.names)
        self.sums.assign_add(tf.stack([0.0, 0.0, *_update(gradient_norm), *shares]))

    def read(self) -> Means:
        """Returns the means of the steps since the last reset."""
        rows, wait_seconds, updates, norms, *shares = self.sums.numpy().tolist()
        means = [share / rows if rows else float("nan") for share in shares]
        losses = dict(zip(self.names, means, strict=True))
        for name, variable in self.values.items():
            losses[name] = float(variable.numpy()) / rows if rows else float("nan")
        return Means(losses, int(rows), wait_seconds, norms / updates if updates else None)

    def reset(self) -> None:
        """Starts a new epoch."""
        for variable in (self.sums, *self.values.values()):
            variable.assign(tf.zeros_like(variable))

    def copy(self) -> Arrays:
        """Copies the sums, for a checkpoint within an epoch."""
        values = {_VALUE + name: np.array(v.numpy()) for name, v in self.values.items()}
        return {_TOTALS: self.sums.numpy(), **values}

    def restore(self, arrays: Arrays) -> Arrays:
        """Restores the result of `copy`, and returns all other arrays."""
        self.sums.assign(arrays[_TOTALS])
        others = {}
        for name, array in arrays.items():
            if name.startswith(_VALUE):
                self._value(name.removeprefix(_VALUE)).assign(array)
            elif name != _TOTALS:
                others[name] = array
        return others

    def _value(self, name: str) -> tf.Variable:
        """Returns the variable of a value; values become known while a step is traced."""
        if name not in self.values:
            with tf.init_scope():
                self.values[name] = tf.Variable(0.0, trainable=False, dtype=tf.float64)
        return self.values[name]


def _update(gradient_norm: tf.Tensor | None) -> tuple[Any, Any]:
    """Returns the number of updates (0 or 1) and the norm to add: scalars, float64."""
    if gradient_norm is None:
        return 0.0, 0.0
    norm = tf.cast(gradient_norm, tf.float64)
    is_finite = tf.math.is_finite(norm)
    return tf.cast(is_finite, tf.float64), tf.where(is_finite, norm, 0.0)
