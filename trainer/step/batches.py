"""How the batches of a source reach the replicas.

A batch of all replicas together is cut into consecutive parts, one for each replica,
which differ by one row at most. Nothing is padded.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from ...core.errors import ConfigError, message
from ...strategies import Part, Position, Replicas
from ...strategies.tensorflow_internals import op_determinism_is_enabled
from ..contracts import BatchSource

# AutoGraph takes half a second to find nothing to convert.
_as_it_is = tf.autograph.experimental.do_not_convert

Prepare = Callable[[Any], tuple[Any, Any, Any]]


class Batches:
    """Iterators over the batches of a source, to be used inside a `tf.function`.

    They are plain iterators of `tf.data`. Those of `tf.distribute` cut batches by rules
    of their own, and between virtual CPU devices they spend seconds on being deleted.

    Args:
        strategy: Whose replicas share the batches.
        source: Where they come from.
    """

    def __init__(self, strategy: tf.distribute.Strategy, source: BatchSource) -> None:
        self._replicas = Replicas.of(strategy)
        self._source = source
        self._endless: Iterator[Any] | None = None

    def start(self, position: Position) -> Iterator[Any]:
        """An iterator that stands at a position.

        Of an endless source it is one and the same for all epochs: positions must
        follow one another.
        """
        if self._endless is not None:
            return self._endless
        iterator = iter(self._source.batches(position, self._replicas).prefetch(1))
        self._endless = iterator if self._source.is_endless else None
        return iterator


class Arrival(NamedTuple):
    """When a batch was requested and when it arrived, in seconds since 1970; or NaN."""

    asked: tf.Tensor
    came: tf.Tensor

    @property
    def wait_seconds(self) -> tf.Tensor:
        """How long was waited for it."""
        return tf.maximum(self.came - self.asked, 0.0)


def next_with_times(iterator: Any) -> tuple[Any, Arrival]:
    """The parts of the next batch, and when they came; traced.

    NaN where operations have to be repeatable: there is no clock then.
    """
    asked = now()
    with tf.control_dependencies([asked]):
        parts = next(iterator)
    tensors = tf.nest.flatten(parts, expand_composites=True)
    with tf.control_dependencies([each for each in tensors if each is not None]):
        came = now()
    with tf.control_dependencies([came]):  # else a step may be over before it is noted
        noted = [None if each is None else tf.identity(each) for each in tensors]
    parts = tf.nest.pack_sequence_as(parts, noted, expand_composites=True)
    return parts, Arrival(asked, came)


def next_with_wait(iterator: Any) -> tuple[Any, tf.Tensor]:
    """The parts of the next batch, and the seconds for which it was waited for; traced."""
    parts, arrival = next_with_times(iterator)
    return parts, arrival.wait_seconds


def now() -> tf.Tensor:
    """Seconds since 1970, or NaN; traced."""
    if op_determinism_is_enabled():
        return tf.constant(float("nan"), tf.float64)
    return tf.timestamp()


def cut(dataset: tf.data.Dataset, replicas: Replicas) -> tf.data.Dataset:
    """Cuts each batch into the parts of the replicas of this process.

    For a replica that is alone nothing is computed, which costs nothing in `tf.data`.
    """
    first, total = replicas.first, replicas.total
    is_tuple = type(dataset.element_spec) is tuple  # whose items `map` hands over singly
    if total == 1:
        return dataset.map(_as_it_is(lambda *b: (Part(b if is_tuple else b[0], None),)))

    def parts(*batch: Any) -> tuple[Part, ...]:
        element = batch if is_tuple else batch[0]
        num_rows = _num_rows(element)
        # `Replicas.rows` and `repeats`, for a number of rows that only the batch knows.
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
    """Inputs, targets and weights of an element as `Model.fit` takes it.

    Raises:
        ConfigError: It is of another form.
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
