"""A split whose images are replaced by their features."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ..data.batches import read_batches
from ..data.order import Draws
from ..data.table_inputs import columns_in
from ..strategies import Position, Replicas
from .contracts import Cacheable, Floats
from .some_rows import SomeRows


class FeatureSplit:
    """One split of images, each replaced by its features.

    Order, weights and the choice of views are those of the images, so that training sees
    the same sequence.

    Args:
        images: The split.
        views: For each view of the images, an array `(images, ...)` in order.

    Attributes:
        class_names: See `Cacheable`.
        labels: See `Cacheable`.
        task: See `Cacheable`.
        target_values: See `Cacheable`.
        names: See `Cacheable`.
        batch_size: See `Cacheable`.
        num_batches: See `Cacheable`.
        mixes: See `Cacheable`.
        is_endless: True: `batches` continues with later epochs.
    """

    is_endless = True

    def __init__(self, images: Cacheable, views: Sequence[Floats | SomeRows]) -> None:
        self._images = images
        self._views = views
        self.class_names = images.class_names
        self.labels = images.labels
        self.task, self.target_values = images.task, images.target_values
        self.names = images.names
        self.batch_size = images.batch_size
        self.num_batches = images.num_batches
        self.mixes = images.mixes

    def draws(self, epoch: int) -> Draws:
        """Returns the draws of an epoch."""
        return self._images.draws(epoch)

    def batches(self, position: Position, replicas: Replicas) -> tf.data.Dataset:
        """Returns batches like `ImageSplit.batches`, with features in place of images."""
        return read_batches(self, position, replicas)

    def batch_names(self, position: Position) -> list[str]:
        """Returns the paths of the images of one batch, in order."""
        return self._images.batch_names(position)

    def prepare(self, part: dict[str, tf.Tensor]) -> tuple[Any, Any, Any]:
        """Turns a part of a batch into inputs of the head.

        Returns:
            Features `(rows, ...)`, or a tuple of these and the table columns, if there are
            any; labels as for the images; weights `(rows,)` or None.
        """
        columns = tuple(columns_in(part).values())
        features = (part["features"], *columns) if columns else part["features"]
        return features, part["labels"], part.get("weights")

    def arrays(self, draws: Draws) -> dict[str, npt.NDArray[Any]]:
        """Returns the arrays of a part of a batch."""
        features = {"features": self._features(draws)}
        columns = self._images.column_arrays(draws)
        return features | columns | self._images.targets(draws)

    def _features(self, draws: Draws) -> Floats:
        numbers = draws.numbers % len(self._views)
        first = self._views[0]
        features = np.empty((len(draws.rows), *first.shape[1:]), first.dtype)
        for number in np.unique(numbers):
            chosen = numbers == number
            features[chosen] = self._views[number][draws.rows[chosen]]
        return features
