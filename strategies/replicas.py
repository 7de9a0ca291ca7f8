"""Computes how batches are split between replicas."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf


class Position(NamedTuple):
    """A position in the data.

    Attributes:
        epoch: Epoch, counted from 0.
        batch: Batch within the epoch, counted from 0.
        batches_per_epoch: Number of batches per epoch; None if unknown before the data
            ends.
    """

    epoch: int = 0
    batch: int = 0
    batches_per_epoch: int | None = None


@dataclass(frozen=True)
class Replicas:
    """The replicas that run in this process.

    Attributes:
        total: Number of replicas in all processes.
        first: Index of the first replica of this process.
        local: Number of replicas in this process.
    """

    total: int = 1
    first: int = 0
    local: int = 1

    @classmethod
    def of(cls, strategy: tf.distribute.Strategy) -> "Replicas":
        """Returns the replicas of a strategy that run in this process."""
        total = strategy.num_replicas_in_sync
        if total == 1:
            return cls()  # the default strategy has no list of devices
        local = len(strategy.extended.worker_devices)
        resolver = strategy.cluster_resolver
        worker = resolver.task_id if resolver and total > local else 0
        return cls(total, (worker or 0) * local, local)

    def repeats(self, num_rows: int) -> int:
        """Returns how many replicas get the same part of a batch of that many rows.

        If there are fewer rows than replicas, each gets all rows, and its sums are divided
        by the number of replicas. Empty parts would be simpler, but not every operation
        accepts them: oneDNN's convolutions fail, and the mean of a BatchNorm is NaN.
        """
        return self.total if num_rows < self.total else 1

    def rows(self, replica: int, num_rows: int) -> slice:
        """Returns the rows of a batch for one replica: consecutive parts of similar size.

        Args:
            replica: Index of the replica over all processes.
            num_rows: Number of rows of the batch.

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
    """The part of a batch for one replica.

    Attributes:
        content: The rows, in a structure of tensors.
        repeats: Number of replicas that have the same rows: scalar int32; None if there is
            only one replica.
    """

    content: Any
    repeats: Any


def own_part(parts: Sequence[Part]) -> Part:
    """Returns the part of a batch for the calling replica; in replica context."""
    context = tf.distribute.get_replica_context()
    number = tf.get_static_value(context.replica_id_in_sync_group)
    part = Part(*parts[int(number) % len(parts)])
    if context.num_replicas_in_sync == 1:
        return part._replace(repeats=tf.constant(1))  # known while tracing
    # Copied to the device once. A condition on this replica would otherwise be copied to
    # the first device, which would send the part from there.
    return tf.nest.map_structure(tf.identity, part, expand_composites=True)
