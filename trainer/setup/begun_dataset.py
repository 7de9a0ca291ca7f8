"""A dataset whose first elements are known before it is gone through."""

from collections.abc import Iterator
from typing import Any

import tensorflow as tf


class BegunDataset:
    """One pass through a dataset, of which the first elements can be looked at.

    A second pass could be another one: a shuffled dataset changes its order each time,
    and some generators can be read only once. So elements that were looked at are kept,
    and the others come from the same iterator.

    Args:
        dataset: Finite or endless.

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
        """The elements from the first on, each kept for later."""
        yield from self._seen
        for element in self._iterator:
            self._seen.append(element)
            yield element

    def from_the_start(self) -> tf.data.Dataset:
        """All elements, in order; to be gone through once."""
        dataset = _rest(self._iterator)
        for element in reversed(self._seen):
            dataset = tf.data.Dataset.from_tensors(element).concatenate(dataset)
        return dataset


def _rest(iterator: Any) -> tf.data.Dataset:
    """What an iterator has left, as a dataset."""

    def take(_: tf.Tensor) -> Any:
        return iterator.get_next_as_optional()

    def is_there(element: Any) -> tf.Tensor:
        return element.has_value()

    def content(element: Any) -> Any:
        return element.get_value()

    as_it_is = tf.autograph.experimental.do_not_convert
    # TensorFlow holds the graph of each `Dataset.counter` for the life of the process.
    taken = tf.data.Dataset.range(tf.int64.max).map(as_it_is(take))
    return taken.take_while(as_it_is(is_there)).map(as_it_is(content))
