"""Adapts datasets, and functions that return them, to sources of batches."""

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
        dataset: A batched dataset, finite or infinite, with elements as for `Model.fit`:
            `x`, `(x, y)` or `(x, y, sample_weight)`. Batches keep their order.

    Raises:
        ConfigError: The dataset is not batched, or contains sparse tensors.
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
        """Sets the order of the next batches to that of an epoch, counted from 0."""
        if not self.is_endless:  # all epochs of an infinite dataset are one pass
            go_to_epoch(self.dataset, epoch)

    def first_elements(self) -> Iterator[Any]:
        """Iterates over the elements without consuming them for `batches`."""
        self._begun = self._begun or BegunDataset(self.dataset)
        return self._begun.elements()

    def batches(self, position: Position, replicas: Replicas) -> tf.data.Dataset:
        """Returns the batches from a position on; earlier ones are read and discarded."""
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
    """Batches of a function `dataset(epoch, start_batch)`, which can be resumed exactly.

    Args:
        function: Returns the batches of an epoch starting with `start_batch`, in the same
            order for the same arguments.
        first: The result of `function(0, 0)`; see `FunctionSource.of`.

    Raises:
        ConfigError: The dataset is not batched, or contains sparse tensors.
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
        """Creates a source; calls the function once for shapes and number of batches."""
        return cls(function, function(0, 0))

    def batches(self, position: Position, replicas: Replicas) -> tf.data.Dataset:
        """Returns the batches from a position on."""
        return cut(self.function(position.epoch, position.batch), replicas)

    def prepare(self, part: Any) -> tuple[Any, Any, Any]:
        """Takes an element apart."""
        return unpack(part)


def as_source(value: Any, name: str) -> BatchSource:
    """Converts a dataset or a function `dataset(epoch, start_batch)` to a source.

    Args:
        value: A dataset, a function, or a source, which is returned unchanged.
        name: Name of the argument, for the error message.

    Raises:
        ConfigError: `value` is none of these, or the function takes other arguments.
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
