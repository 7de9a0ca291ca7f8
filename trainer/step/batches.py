"""What data must offer, and how its batches reach the replicas.

A batch of all replicas together is cut into consecutive parts, one for each replica,
which differ by one row at most. Nothing is padded.
"""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from ...core.errors import ConfigError, DataError, message
from ...strategies import Part, Position, Replicas
from ...strategies.tensorflow_internals import op_determinism_is_enabled
from ..contracts import BatchSource, class_names_of
from ..guards.wrong_data import not_a_dataset, refuse_sparse, refuse_unbatched
from .begun_dataset import BegunDataset

Prepare = Callable[[Any], tuple[Any, Any, Any]]
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
        self.class_names = class_names_of(dataset)
        cardinality = int(dataset.cardinality())
        self.is_endless = cardinality == tf.data.INFINITE_CARDINALITY
        self.num_batches = cardinality if cardinality >= 0 else None
        self._begun: BegunDataset | None = None

    def first_elements(self) -> Iterator[Any]:
        """Elements from the first on, with which the next batches begin all the same."""
        self._begun = self._begun or BegunDataset(self.dataset)
        return self._begun.elements()

    def batches(self, position: Position, replicas: Replicas) -> tf.data.Dataset:
        """The batches that are left; those before are read and thrown away."""
        before = position.batch
        if self.is_endless:
            before += position.epoch * (position.batches_per_epoch or 0)
        dataset = self._begun.from_the_start() if self._begun else self.dataset
        self._begun = None
        return cut(dataset.skip(before) if before else dataset, replicas)

    def prepare(self, part: Any) -> tuple[Any, Any, Any]:
        """Takes an element apart."""
        return unpack(part)


class FunctionSource:
    """Batches of a function `dataset(epoch, start_batch)`, which makes resuming exact.

    Args:
        function: Returns the batches of an epoch from `start_batch` on, in the same
            order whenever it is called with the same arguments.
    """

    is_endless = False

    def __init__(self, function: DatasetFunction) -> None:
        self.function = function
        first = function(0, 0)
        refuse_sparse(first.element_spec)
        refuse_unbatched(first.element_spec)
        self.class_names = class_names_of(first)
        cardinality = int(first.cardinality())
        self.repeats_forever = cardinality == tf.data.INFINITE_CARDINALITY
        self.num_batches = cardinality if cardinality >= 0 else None

    def batches(self, position: Position, replicas: Replicas) -> tf.data.Dataset:
        """The batches that are left."""
        return cut(self.function(position.epoch, position.batch), replicas)

    def prepare(self, part: Any) -> tuple[Any, Any, Any]:
        """Takes an element apart."""
        return unpack(part)


def as_source(value: Any, name: str) -> BatchSource:
    """Accepts a dataset or a function of epoch and position as a source of batches.

    Raises:
        ConfigError: It is none of these.
    """
    if isinstance(value, tf.data.Dataset):
        return DatasetSource(value)
    if isinstance(value, BatchSource):
        return value
    if callable(value):
        return FunctionSource(value)
    raise not_a_dataset(value, name)


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
        batches = self._source.batches(position, self._replicas)
        stamped = batches.map(lambda *parts: (parts, now())).prefetch(1)
        iterator = iter(stamped)
        self._endless = iterator if self._source.is_endless else None
        return iterator


def next_with_wait(iterator: Any) -> tuple[Any, tf.Tensor]:
    """The parts of the next batch, and the seconds for which it was waited for; traced.

    A batch that was ready before it was asked for was not waited for, however long the
    device was busy with other things before it took it. NaN where operations have to be
    repeatable: there is no clock then.
    """
    asked = now()
    with tf.control_dependencies([asked]):
        parts, ready = next(iterator)
    return parts, tf.maximum(ready - asked, 0.0)


def now() -> tf.Tensor:
    """Seconds since 1970, or NaN; traced."""
    if op_determinism_is_enabled():
        return tf.constant(float("nan"), tf.float64)
    return tf.timestamp()


def cut(dataset: tf.data.Dataset, replicas: Replicas) -> tf.data.Dataset:
    """Cuts each batch into the parts of the replicas of this process."""
    first, total = replicas.first, replicas.total
    is_tuple = type(dataset.element_spec) is tuple  # whose items `map` hands over singly
    if total == 1:
        return dataset.map(lambda *b: (Part(b if is_tuple else b[0], 1),))

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

    return dataset.map(parts).prefetch(1)


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


def batch_limit(limit: int | float | None, num_batches: int | None) -> int | None:
    """Turns a limit that may be a part of an epoch into a number of batches.

    Raises:
        ConfigError: It is a part, but of how many batches is not known.

    Example:
        >>> batch_limit(0.25, num_batches=70)
        17
    """
    if not isinstance(limit, float):
        return limit
    if num_batches is None:
        raise ConfigError(
            message(
                "A limit of batches must be a whole number where the data do not tell "
                "how many batches they have.",
                limit=limit,
            )
        )
    return max(int(limit * num_batches), 1)


def require_end(
    source: BatchSource, limit: int | float | None = None, setting: str | None = None
) -> None:
    """Refuses data without end, unless there is a limit.

    Args:
        source: The data.
        limit: Of batches, or None.
        setting: What to set a limit with, if anything.

    Raises:
        ConfigError: The data have no end, and there is no limit.
    """
    repeats = source.is_endless or _repeats_forever(source)
    if limit is not None or source.num_batches is not None or not repeats:
        return
    if setting is None:
        remedy = "Leave `.repeat()` out, or call `.take(...)` on the dataset."
        raise ConfigError(message("The data must have an end.", remedy, batches="endless"))
    raise ConfigError(
        message(
            f"`{setting}` must be given for a dataset without end.",
            "Set it to a number of batches, or leave `.repeat()` out.",
            **{setting: None},
        )
    )


def _repeats_forever(source: BatchSource) -> bool:
    return isinstance(source, FunctionSource) and source.repeats_forever


def no_batches(kind: str, **received: object) -> DataError:
    """What to raise where data have no batch at all.

    Args:
        kind: What the data are for, in a word.
        **received: Where that was found.
    """
    return DataError(
        message(
            f"The data for {kind} must have at least one batch.",
            "Does a filter leave nothing, or can the generator behind them be read only "
            "once? Make the dataset from a function that begins anew for each epoch.",
            **received,
            batches=0,
        )
    )


def _num_rows(element: Any) -> tf.Tensor:
    first = tf.nest.flatten(element)[0]
    if isinstance(first, tf.RaggedTensor):
        return tf.cast(first.nrows(), tf.int32)
    return tf.shape(first)[0]
