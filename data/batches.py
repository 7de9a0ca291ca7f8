"""Reads batches of a split from any position, as a `tf.data` pipeline."""

from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ..core.environment import usable_cpus
from ..strategies import Part, Position, Replicas
from ..strategies.tensorflow_internals import numpy_function
from .order import Draws

# These bound the memory, whatever the number of CPUs. More than four threads do not decode
# faster, see `ParallelReader`, and fewer would wait for a slow disk.
BATCHES_AT_ONCE = 4
BATCHES_AHEAD = 4
THREADS = max(usable_cpus(), BATCHES_AT_ONCE)


# AutoGraph would take half a second to find nothing to convert.
_without_autograph = tf.autograph.experimental.do_not_convert


class Readable(Protocol):
    """A split that `read_batches` can read."""

    batch_size: int

    @property
    def num_batches(self) -> int:
        """Steps per epoch."""

    def draws(self, epoch: int) -> Draws:
        """Returns the draws of an epoch."""

    def arrays(self, draws: Draws) -> dict[str, npt.NDArray[Any]]:
        """Returns the arrays of a part of a batch."""


def read_batches(
    split: Readable, position: Position, replicas: Replicas
) -> tf.data.Dataset:
    """Returns the batches of a split from a position on; see `ImageSplit.batches`."""
    length = position.batches_per_epoch or split.num_batches
    reader = _Reader(split, length, replicas)
    return (
        tf.data.Dataset.range(position.epoch * length + position.batch, tf.int64.max)
        .map(
            _without_autograph(reader.parts),
            num_parallel_calls=BATCHES_AT_ONCE,
            deterministic=True,
        )
        .prefetch(BATCHES_AHEAD)
        .with_options(_options())
    )


class _Reader:
    """Reads batches by their number, counted over all epochs."""

    def __init__(self, split: Readable, length: int, replicas: Replicas) -> None:
        self._split = split
        self._length = length
        self._replicas = replicas
        # Threads read ahead, so at the end of an epoch the draws of two are in use.
        self._draws = lru_cache(maxsize=2)(split.draws)

    def parts(self, batch: tf.Tensor) -> tuple[Part, ...]:
        """Reads the parts of a batch for the replicas of this worker; runs in `tf.data`."""
        first = self._replicas.first
        return tuple(
            self._part(batch, replica)
            for replica in range(first, first + self._replicas.local)
        )

    def _part(self, batch: tf.Tensor, replica: int) -> Part:
        nothing = np.zeros(0, np.int64)
        sample = self._split.arrays(Draws(nothing, nothing))
        types = [array.dtype for array in sample.values()]
        repeats, *tensors = numpy_function(self._read, [batch, replica], [np.int32, *types])
        repeats.set_shape([])
        for tensor, array in zip(tensors, sample.values(), strict=True):
            tensor.set_shape([None, *array.shape[1:]])
        return Part(dict(zip(sample, tensors, strict=True)), repeats)

    def _read(self, number: int, replica: int) -> list[Any]:
        epoch, batch = divmod(int(number), self._length)
        draws = self._draws(epoch)
        start = batch * self._split.batch_size
        stop = min(start + self._split.batch_size, len(draws.rows))
        rows = self._replicas.rows(int(replica), stop - start)
        part = slice(start + rows.start, start + rows.stop)
        arrays = self._split.arrays(Draws(draws.rows[part], draws.numbers[part]))
        return [np.int32(self._replicas.repeats(stop - start)), *arrays.values()]


def _options() -> tf.data.Options:
    """Returns options for a private thread pool, without autotuning.

    In the shared threads of TensorFlow, reading waits for the operations of the model.
    Autotuning runs in a thread that sleeps for up to seconds, and deleting an iterator
    waits for it.
    """
    options = tf.data.Options()
    options.threading.private_threadpool_size = THREADS
    options.autotune.enabled = False
    return options
