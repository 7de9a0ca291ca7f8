"""Sums over an epoch, kept on the device."""

from collections.abc import Sequence

import tensorflow as tf

_OWN = ("rows", "wait_seconds")


class EpochTotals:
    """Adds up losses, examples and time of the steps of an epoch.

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
        rows = tf.cast(rows, tf.float64)
        shares = [tf.cast(loss, tf.float64) * rows for loss in losses[: len(self.names)]]
        self.sums.assign_add(tf.stack([rows, tf.cast(wait_seconds, tf.float64), *shares]))

    def read(self) -> tuple[dict[str, float], int, float]:
        """Means of the losses by name, the number of examples, and seconds waited."""
        rows, wait_seconds, *shares = self.sums.numpy().tolist()
        means = [share / rows if rows else float("nan") for share in shares]
        return dict(zip(self.names, means, strict=True)), int(rows), wait_seconds

    def reset(self) -> None:
        """Starts a new epoch."""
        self.sums.assign(tf.zeros_like(self.sums))
