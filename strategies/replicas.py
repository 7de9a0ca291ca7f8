"""Divides batches between replicas: numbers in, numbers out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf


class Position(NamedTuple):
    """A place in the data.

    Attributes:
        epoch: Counted from 0.
        batch: Batches of that epoch that come before.
        batches_per_epoch: After how many batches the next epoch begins; None if only
            the data's end tells.
    """

    epoch: int = 0
    batch: int = 0
    batches_per_epoch: int | None = None


@dataclass(frozen=True)
class Replicas:
    """Which of all replicas run in this process.

    Attributes:
        total: Replicas in all processes together.
        first: The number of the first one here.
        local: How many run here.
    """

    total: int = 1
    first: int = 0
    local: int = 1

    @classmethod
    def of(cls, strategy: tf.distribute.Strategy) -> "Replicas":
        """The replicas of a strategy that run in this process."""
        total = strategy.num_replicas_in_sync
        if total == 1:
            return cls()  # the default strategy does not tell its devices
        local = len(strategy.extended.worker_devices)
        resolver = strategy.cluster_resolver
        worker = resolver.task_id if resolver and total > local else 0
        return cls(total, (worker or 0) * local, local)

    def repeats(self, num_rows: int) -> int:
        """How many replicas get one and the same part of a batch of that many rows.

        Where there are fewer rows than replicas, each gets all of them, and its sums
        count for a part only. An empty part would be easier, but not every operation
        takes one: a convolution of oneDNN fails, the mean of a BatchNorm is NaN.
        """
        return self.total if num_rows < self.total else 1

    def rows(self, replica: int, num_rows: int) -> slice:
        """The rows of a batch that one replica gets: consecutive, in parts about equal.

        Example:
            Nine rows on four replicas: 2, 2, 2, 3.

            >>> [Replicas(total=4).rows(replica, num_rows=9) for replica in (0, 3)]
            [slice(0, 2, None), slice(6, 9, None)]
        """
        if self.repeats(num_rows) > 1:
            return slice(0, num_rows)
        total = self.total
        return slice(replica * num_rows // total, (replica + 1) * num_rows // total)


class Part(NamedTuple):
    """The part of a batch that is for one replica.

    Attributes:
        content: Its rows, in a structure of tensors.
        repeats: Scalar int32: how many replicas have the same rows. None if there is
            one replica in all.
    """

    content: Any
    repeats: Any


def own_part(parts: Sequence[Part]) -> Part:
    """The part of a batch that is for the calling replica; in replica context."""
    context = tf.distribute.get_replica_context()
    number = tf.get_static_value(context.replica_id_in_sync_group)
    part = Part(*parts[int(number) % len(parts)])
    if context.num_replicas_in_sync == 1:
        return part._replace(repeats=tf.constant(1))  # known while tracing
    return part
