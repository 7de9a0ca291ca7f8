"""What everything that is trained on must offer."""

from typing import Any, Protocol, runtime_checkable

import tensorflow as tf

from .replicas import Position, Replicas


@runtime_checkable
class BatchSource(Protocol):
    """One split of the data, as batches that are a function of the position.

    Attributes:
        num_batches: Batches per epoch; None if not known or without end.
        is_endless: Whether `batches` continues with later epochs, so that one iterator
            serves for all of them.

    It may have `class_names` as well, by which metrics of single classes are called.
    """

    is_endless: bool

    @property
    def num_batches(self) -> int | None:
        """See above."""

    def batches(self, position: Position, replicas: Replicas) -> tf.data.Dataset:
        """The batches from a position on, each a tuple of parts for the replicas here."""

    def prepare(self, part: Any) -> tuple[Any, Any, Any]:
        """Turns a part into inputs, targets and weights; on the device, traced."""
