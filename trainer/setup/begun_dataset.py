"""Peeks at the first elements of a dataset."""

from collections.abc import Iterator
from typing import Any

import tensorflow as tf


class BegunDataset:
    """One pass over a dataset whose first elements can be inspected before.

    A second pass could differ: a shuffled dataset changes its order each time, and some
    generators can be read only once. Inspected elements are therefore kept, and the others
    are read from the same iterator.

    Args:
        dataset: A finite or infinite dataset.

    Example:
        >>> begun = BegunDataset(tf.data.Dataset.range(5).shuffle(5, seed=1))
        >>> first = int(next(begun.elements()))
        >>> order = [int(each) for each in begun.from_the_start()]
        >>> order[0] == first, sorted(order)
        (True, [0, 1, 2, 3, 4])
    """

    def __init__(self, dataset: tf.data.Dataset) -> None:
        self._iterator = iter(dataset)
        self._seen: list[Any] = []

    def elements(self) -> Iterator[Any]:
        """Iterates over the elements from the first one, and keeps them."""
        yield from self._seen
        for element in self._iterator:
            self._seen.append(element)
            yield element

    def from_the_start(self) -> tf.data.Dataset:
        """Returns a dataset of all elements in order; it can be iterated over once."""
        dataset = _remaining_elements(self._iterator)
        for element in reversed(self._seen):
            dataset = tf.data.Dataset.from_tensors(element).concatenate(dataset)
        return dataset


def _remaining_elements(iterator: Any) -> tf.data.Dataset:
    """Returns a dataset of the remaining elements of an iterator."""

    def take(_: tf.Tensor) -> Any:
        return iterator.get_next_as_optional()

    def is_there(element: Any) -> tf.Tensor:
        return element.has_value()

    def content(element: Any) -> Any:
        return element.get_value()

    as_it_is = tf.autograph.experimental.do_not_convert
    # Not `Dataset.counter`, whose graph TensorFlow keeps until the process exits.
    taken = tf.data.Dataset.range(tf.int64.max).map(as_it_is(take))
    return taken.take_while(as_it_is(is_there)).map(as_it_is(content))
