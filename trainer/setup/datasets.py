"""Accepts a dataset, or a function of epoch and position, as a source of batches."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from ...core.signatures import require_signature
from ...strategies import Position, Replicas
from ...strategies.dataset_internals import is_unseeded
from ..contracts import BatchSource, class_names_of
from ..guards.wrong_data import not_a_dataset, refuse_sparse, refuse_unbatched
from ..step.batches import cut, unpack
from .begun_dataset import BegunDataset
from .dataset_orders import go_to_epoch

DatasetFunction = Callable[[int, int], tf.data.Dataset]


class DatasetSource:
    """Batches of a `tf.data.Dataset`.

    Args:
        dataset: Batched, finite or endless, with elements as `Model.fit` takes them:
            `x`, `(x, y)` or `(x, y, sample_weight)`. Its order is its own business.
    """

    def __init__(self, dataset: tf.data.Dataset) -> None:
        refuse_sparse(dataset.element_spec)
        refuse_unbatched(dataset.element_spec)
        self.dataset = dataset
        self.is_unseeded = is_unseeded(dataset)
        self.class_names = class_names_of(dataset)
        cardinality = int(dataset.cardinality())
        self.is_endless = cardinality == tf.data.INFINITE_CARDINALITY
        self.num_batches = cardinality if cardinality >= 0 else None
        self._begun: BegunDataset | None = None
        self._cut = functools.cache(functools.partial(cut, dataset))  # traces a function

    def go_to_epoch(self, epoch: int) -> None:
        """Lets the next batches come in the order of an epoch, counted from 0."""
        if not self.is_endless:  # which is one single pass
            go_to_epoch(self.dataset, epoch)

    def first_elements(self) -> Iterator[Any]:
        """Elements from the first on, with which the next batches begin all the same."""
        self._begun = self._begun or BegunDataset(self.dataset)
        return self._begun.elements()

    def batches(self, position: Position, replicas: Replicas) -> tf.data.Dataset:
        """The batches that are left; those before are read and thrown away."""
        before = position.batch
        if self.is_endless:
            before += position.epoch * (position.batches_per_epoch or 0)
        begun, self._begun = self._begun, None
        if begun is None and not before:
            return self._cut(replicas)
        dataset = begun.from_the_start() if begun else self.dataset
        return cut(dataset.skip(before) if before else dataset, replicas)

    def prepare(self, part: Any) -> tuple[Any, Any, Any]:
        """Takes an element apart."""
        return unpack(part)


class FunctionSource:
    """Batches of a function `dataset(epoch, start_batch)`, which makes resuming exact.

    Args:
        function: Returns the batches of an epoch from `start_batch` on, in the same
            order whenever it is called with the same arguments.
        first: What it returns for `(0, 0)`; see `FunctionSource.of`.
    """

    is_endless = False

    def __init__(self, function: DatasetFunction, first: tf.data.Dataset) -> None:
        self.function = function
        refuse_sparse(first.element_spec)
        refuse_unbatched(first.element_spec)
        self.is_unseeded = is_unseeded(first)
        self.class_names = class_names_of(first)
        cardinality = int(first.cardinality())
        self.repeats_forever = cardinality == tf.data.INFINITE_CARDINALITY
        self.num_batches = cardinality if cardinality >= 0 else None

    @classmethod
    def of(cls, function: DatasetFunction) -> "FunctionSource":
        """Calls the function once, for the form and the number of its batches."""
        return cls(function, function(0, 0))

    def batches(self, position: Position, replicas: Replicas) -> tf.data.Dataset:
        """The batches that are left."""
        return cut(self.function(position.epoch, position.batch), replicas)

    def prepare(self, part: Any) -> tuple[Any, Any, Any]:
        """Takes an element apart."""
        return unpack(part)


def as_source(value: Any, name: str) -> BatchSource:
    """Accepts a dataset or a function of epoch and position as a source of batches.

    Raises:
        ConfigError: It is none of these, or the function takes other arguments.
    """
    if isinstance(value, tf.data.Dataset):
        return DatasetSource(value)
    if isinstance(value, BatchSource):
        return value
    if callable(value):
        remedy = "Return the batches of an epoch from start_batch on."
        require_signature(value, ["epoch", "start_batch"], name, remedy)
        return FunctionSource.of(value)
    raise not_a_dataset(value, name)
