"""Distributes the batches of a source to the replicas.

A global batch is split into consecutive parts, one per replica, whose sizes differ by at
most one row. Nothing is padded.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import keras
import tensorflow as tf

from ...core.errors import ConfigError, message
from ...strategies import Part, Position, Replicas
from ...strategies.dataset_internals import asserts_cardinality, reading_ahead
from ...strategies.tensorflow_internals import op_determinism_is_enabled
from ..contracts import BatchSource

# Saves 0.5 seconds in which AutoGraph would find nothing to convert.
_as_it_is = tf.autograph.experimental.do_not_convert

START = Position()
Prepare = Callable[[Any], tuple[Any, Any, Any]]
Result = TypeVar("Result")


class Batches:
    """Creates iterators over the batches of a source, for use inside a `tf.function`.

    They are plain iterators of `tf.data`. Those of `tf.distribute` split batches
    differently, and take seconds to delete on virtual CPU devices.

    Args:
        strategy: The strategy whose replicas share the batches.
        source: The source of batches.
    """

    def __init__(self, strategy: tf.distribute.Strategy, source: BatchSource) -> None:
        self._replicas = Replicas.of(strategy)
        self._source = source
        self._iterators: list[Iterator[Any]] = []  # at most one
        self._is_slow_to_delete = False

    def start(self, position: Position = START) -> Iterator[Any]:
        """Returns an iterator that starts at a position.

        An infinite source has one iterator for all epochs, so positions must be
        consecutive.
        """
        if self._iterators and self._source.is_endless:
            return self._iterators[0]
        dataset = reading_ahead(self._source.batches(position, self._replicas))
        is_tuned = dataset.options().autotune.enabled is not False
        self._is_slow_to_delete = is_tuned and not asserts_cardinality(dataset)
        self._iterators = [iter(dataset)]
        return self._iterators[0]

    def finish(self, is_read: bool) -> None:
        """Deletes the iterator, without waiting for TensorFlow if it has been exhausted.

        Otherwise its functions may still run, beside those of the next iterator, and a
        cache file may still be open. The caller must not have kept the iterator.

        Args:
            is_read: Whether the last batch has been read.
        """
        if self._source.is_endless:
            return
        iterators, self._iterators = self._iterators, []
        if self._is_slow_to_delete and is_read and next(iterators[0], None) is None:
            delete_in_background(iterators)

    def read_all(self, read: Callable[[Iterator[Any]], Result]) -> Result:
        """Passes an iterator to a function that reads all batches and does not keep it."""
        result = read(self.start())
        self.finish(is_read=True)
        return result


def delete_in_background(iterators: list[Iterator[Any]]) -> None:
    """Deletes iterators by emptying a list with the last references to them, in a thread.

    TensorFlow tunes the buffers of a dataset in a thread that sleeps for up to a minute.
    Deleting an iterator wakes it, but it may fall asleep again, and deletion waits for it.
    """
    threading.Thread(target=iterators.clear, name="keraunos-iterators", daemon=True).start()


class BatchTimes(NamedTuple):
    """The times when a batch was requested and arrived, in seconds since 1970, or NaN.

    Attributes:
        requested: Scalar float64.
        arrived: Scalar float64.
    """

    requested: tf.Tensor
    arrived: tf.Tensor

    @property
    def wait_seconds(self) -> tf.Tensor:
        """The seconds between request and arrival: scalar float64."""
        return tf.maximum(self.arrived - self.requested, 0.0)


def next_with_times(iterator: Any) -> tuple[Any, BatchTimes]:
    """Returns the parts of the next batch and their arrival; traced.

    Times are NaN with op determinism, where TensorFlow has no clock.
    """
    requested = now()
    with tf.control_dependencies([requested]):
        parts = next(iterator)
    tensors = tf.nest.flatten(parts, expand_composites=True)
    with tf.control_dependencies([each for each in tensors if each is not None]):
        arrived = now()
    with tf.control_dependencies([arrived]):  # otherwise a step may end before
        noted = [None if each is None else tf.identity(each) for each in tensors]
    parts = tf.nest.pack_sequence_as(parts, noted, expand_composites=True)
    return parts, BatchTimes(requested, arrived)


def next_with_wait(iterator: Any) -> tuple[Any, tf.Tensor]:
    """Returns the parts of the next batch and the seconds of waiting for them; traced."""
    parts, times = next_with_times(iterator)
    return parts, times.wait_seconds


def now() -> tf.Tensor:
    """Returns seconds since 1970, or NaN with op determinism: scalar float64; traced."""
    if op_determinism_is_enabled():
        return tf.constant(float("nan"), tf.float64)
    return tf.timestamp()


def cut(dataset: tf.data.Dataset, replicas: Replicas) -> tf.data.Dataset:
    """Splits each batch into the parts of the replicas of this process.

    A single replica gets whole batches without any computation in `tf.data`.
    """
    first, total = replicas.first, replicas.total
    is_tuple = type(dataset.element_spec) is tuple  # `map` passes its items separately
    if total == 1:
        return dataset.map(_as_it_is(lambda *b: (Part(b if is_tuple else b[0], None),)))

    def parts(*batch: Any) -> tuple[Part, ...]:
        element = batch if is_tuple else batch[0]
        num_rows = _num_rows(element)
        # Like `Replicas.rows` and `repeats`, for a number of rows known only at run time.
        is_whole = num_rows < total
        repeats = tf.where(is_whole, total, 1)

        def part(replica: int) -> Part:
            start = tf.where(is_whole, 0, replica * num_rows // total)
            stop = tf.where(is_whole, num_rows, (replica + 1) * num_rows // total)
            rows = tf.nest.map_structure(lambda tensor: tensor[start:stop], element)
            return Part(rows, repeats)

        return tuple(part(replica) for replica in range(first, first + replicas.local))

    return dataset.map(_as_it_is(parts))


def unpack(element: Any) -> tuple[Any, Any, Any]:
    """Splits an element, as for `Model.fit`, into inputs, targets and weights.

    Raises:
        ConfigError: The element has another structure.
    """
    try:
        inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(element)
    except ValueError:
        raise ConfigError(
            message(
                "An element of a dataset must be x, (x,), (x, y) or (x, y, sample_weight).",
                "Put several inputs into a tuple or a dict of their own: ((a, b), y).",
                items=len(element),
            )
        ) from None
    return inputs, targets, weights


def _num_rows(element: Any) -> tf.Tensor:
    first = tf.nest.flatten(element)[0]
    if isinstance(first, tf.RaggedTensor):
        return tf.cast(first.nrows(), tf.int32)
    return tf.shape(first)[0]
