"""Divides batches between replicas: numbers in, numbers out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import tensorflow as tf

Count = TypeVar("Count", int, tf.Tensor)
Part = TypeVar("Part")


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

    def share(self, num_rows: Count) -> Count:
        """The rows of a batch that one replica gets at most: a part of all, rounded up.

        A batch is cut into consecutive parts of this size. Where it does not divide
        evenly, the last parts are smaller or empty.
        """
        return -(-num_rows // self.total)

    def rows(self, replica: int, num_rows: int) -> slice:
        """The rows of a batch that one replica gets.

        Example:
            Nine rows on four replicas: 3, 3, 3, 0.

            >>> Replicas(total=4).rows(3, num_rows=9)
            slice(9, 9, None)
        """
        share = self.share(num_rows)
        start = min(replica * share, num_rows)
        return slice(start, min(start + share, num_rows))


def own_part(parts: Sequence[Part]) -> Part:
    """The part of a batch that is for the calling replica; in replica context."""
    context = tf.distribute.get_replica_context()
    number = tf.get_static_value(context.replica_id_in_sync_group)
    return parts[int(number) % len(parts)]
