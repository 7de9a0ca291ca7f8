"""Repeats the same few batches, for `overfit_batches`."""

import itertools
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from ...strategies import Position, Replicas
from ..contracts import BatchSource, mixes_images
from ..probe.first_rows import first_elements


class SameBatches:
    """Yields the first batches of a source's first epoch in every epoch.

    Args:
        source: The source of the batches.
        count: Maximum number of batches.
    """

    is_endless = False

    def __init__(self, source: BatchSource, count: int) -> None:
        known = source.num_batches
        self.num_batches: int | None = None if known is None else min(count, known)
        self.mixes = mixes_images(source)
        self._source = source
        self._count = count

    def first_elements(self) -> Iterator[Any]:
        """Iterates over the elements that `batches` yields."""
        return itertools.islice(first_elements(self._source), self._count)

    def batches(self, position: Position, replicas: Replicas) -> tf.data.Dataset:
        """Returns the batches from a position on."""
        first = position._replace(epoch=0)
        left = self._count if self.num_batches is None else self.num_batches
        return self._source.batches(first, replicas).take(left - position.batch)

    def prepare(self, part: Any) -> tuple[Any, Any, Any]:
        """Turns a part into inputs, targets and weights."""
        return self._source.prepare(part)
