"""Sums over an epoch, kept on the device."""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

_OWN = ("rows", "wait_seconds", "updates", "gradient_norms")


class Means(NamedTuple):
    """What is known of an epoch so far.

    Attributes:
        losses: Means over examples by name.
        rows: Examples.
        wait_seconds: Waited for data.
        gradient_norm: Mean over updates; None if there was none.
    """

    losses: dict[str, float]
    rows: int
    wait_seconds: float
    gradient_norm: float | None


class EpochTotals:
    """Adds up losses, examples, time and gradient norms of the steps of an epoch.

    Made and used in cross-replica context. Sums are float64, so that long epochs lose
    nothing.

    Args:
        names: What the losses are called, in the order in which they are added.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        zeros = tf.zeros(len(_OWN) + len(names), tf.float64)
        self.sums = tf.Variable(zeros, trainable=False, name="epoch_totals")

    def add(
        self, losses: Sequence[tf.Tensor], rows: tf.Tensor, wait_seconds: tf.Tensor
    ) -> None:
        """Adds a step.

        Args:
            losses: Value of each loss, a mean over the step's examples.
            rows: The step's examples.
            wait_seconds: How long the step waited for data.
        """
        rows, wait_seconds = tf.cast(rows, tf.float64), tf.cast(wait_seconds, tf.float64)
        shares = [tf.cast(loss, tf.float64) * rows for loss in losses[: len(self.names)]]
        zero = tf.zeros((), tf.float64)
        self.sums.assign_add(tf.stack([rows, wait_seconds, zero, zero, *shares]))

    def add_update(self, gradient_norm: tf.Tensor) -> None:
        """Adds a gradient that is applied; one that is not finite counts for nothing."""
        norm = tf.cast(gradient_norm, tf.float64)
        is_finite = tf.math.is_finite(norm)
        own = [0.0, 0.0, tf.cast(is_finite, tf.float64), tf.where(is_finite, norm, 0.0)]
        self.sums.assign_add(tf.stack([*own, *[0.0] * len(self.names)]))

    def read(self) -> Means:
        """The means of the steps since the last reset."""
        rows, wait_seconds, updates, norms, *shares = self.sums.numpy().tolist()
        means = [share / rows if rows else float("nan") for share in shares]
        losses = dict(zip(self.names, means, strict=True))
        return Means(losses, int(rows), wait_seconds, norms / updates if updates else None)

    def reset(self) -> None:
        """Starts a new epoch."""
        self.sums.assign(tf.zeros_like(self.sums))
