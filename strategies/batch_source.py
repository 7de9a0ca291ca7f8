"""The protocol of training data."""

from typing import Any, Protocol, runtime_checkable

import tensorflow as tf

from .replicas import Position, Replicas


@runtime_checkable
class BatchSource(Protocol):
    """One split of the data, as batches that depend on the position only.

    It may also have `class_names`, which name the metrics of single classes.

    Attributes:
        num_batches: Batches per epoch; None if unknown or infinite.
        is_endless: Whether `batches` continues with later epochs, so that one iterator
            covers all of them.
    """

    is_endless: bool

    @property
    def num_batches(self) -> int | None:
        """Batches per epoch; None if unknown or infinite."""

    def batches(self, position: Position, replicas: Replicas) -> tf.data.Dataset:
        """Returns the batches from a position on, as tuples of parts for local replicas."""

    def prepare(self, part: Any) -> tuple[Any, Any, Any]:
        """Converts a part to inputs, targets and weights; on the device, traced."""
