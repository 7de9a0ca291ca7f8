"""Pictures seen through a frozen network: the same batches, of features."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ..strategies import Position, Replicas
from .batches import Readable, read_batches
from .order import Draws

Floats = npt.NDArray[np.floating[Any]]


class Pictures(Readable, Protocol):
    """The split that features are of."""

    labels: npt.NDArray[np.int32]

    @property
    def class_names(self) -> Sequence[str]:
        """The classes, in the order of the model's outputs."""

    @property
    def names(self) -> Sequence[str]:
        """Path of each picture."""

    def targets(self, draws: Draws) -> dict[str, npt.NDArray[Any]]:
        """Labels and weights."""

    def batch_names(self, position: Position) -> list[str]:
        """Paths of the pictures of one batch."""


class FeatureSplit:
    """One split whose pictures are replaced by what a frozen network makes of them.

    Order, weights and the choice of versions are those of the split itself, so that
    training sees the same sequence.

    Args:
        split: The pictures.
        views: For each version of the pictures an array `(pictures, ...)`, in order.

    Attributes:
        class_names: As of the pictures.
        labels: As of the pictures.
        names: As of the pictures.
        batch_size: As of the pictures.
        is_endless: As of the pictures.
    """

    is_endless = True

    def __init__(self, split: Pictures, views: Sequence[Floats]) -> None:
        self._split = split
        self._views = views
        self.class_names = split.class_names
        self.labels = split.labels
        self.names = split.names
        self.batch_size = split.batch_size
        self.num_batches = split.num_batches

    def draws(self, epoch: int) -> Draws:
        """What an epoch draws."""
        return self._split.draws(epoch)

    def batches(self, position: Position, replicas: Replicas) -> tf.data.Dataset:
        """As `ImageSplit.batches`, with features in place of pictures."""
        return read_batches(self, position, replicas)

    def batch_names(self, position: Position) -> list[str]:
        """Paths of the pictures of one batch, in order."""
        return self._split.batch_names(position)

    def prepare(self, part: dict[str, tf.Tensor]) -> tuple[Any, Any, Any]:
        """Turns a part of a batch into inputs of the head.

        Returns:
            Features `(rows, ...)`, labels `(rows,)` int32, weights `(rows,)` or None.
        """
        return part["features"], part["labels"], part.get("weights")

    def arrays(self, draws: Draws) -> dict[str, npt.NDArray[Any]]:
        """The arrays that a part of a batch is made of."""
        return {"features": self._features(draws), **self._split.targets(draws)}

    def _features(self, draws: Draws) -> Floats:
        numbers = draws.numbers % len(self._views)
        first = self._views[0]
        features = np.empty((len(draws.rows), *first.shape[1:]), first.dtype)
        for number in np.unique(numbers):
            chosen = numbers == number
            features[chosen] = self._views[number][draws.rows[chosen]]
        return features
