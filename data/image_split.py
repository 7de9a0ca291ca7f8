"""One split of a data set as batches: a pure function of seed, epoch and position."""

import os
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ..strategies import Part, Position, Replicas
from .augmentation import Augmentation, augment
from .copies import rank_within
from .index import ImageIndex
from .order import Draws, balanced, sequential, shuffled
from .pictures import LoadPictures

ClassBalance = Literal["none", "weights", "sampling"]
Integers = npt.NDArray[np.int64]

THREADS = os.cpu_count() or 1
BATCHES_AHEAD = 4


class ImageSplit:
    """The pictures of one split, once each and in order.

    Args:
        index: The table of all files.
        split: TRAIN, VALIDATION or TEST.
        load: Hands out decoded pictures by row of the table.
        image_size: Height and width in pixels.
        batch_size: Pictures per step over all replicas.

    Attributes:
        class_names: The classes, in the order of the model's outputs.
        labels: `(pictures,)` int32, the class of each picture.
        is_endless: Whether `batches` goes on with later epochs: it does.
    """

    is_endless = True

    def __init__(
        self,
        index: ImageIndex,
        split: int,
        load: LoadPictures,
        image_size: int,
        batch_size: int,
    ) -> None:
        self.class_names = index.class_names
        self.image_size = image_size
        self.batch_size = batch_size
        self._rows = np.flatnonzero(index.splits == split)
        self.labels = index.labels[self._rows]
        self._index = index
        self._load = load

    @property
    def num_examples(self) -> int:
        """Pictures per epoch."""
        return len(self._rows)

    @property
    def num_batches(self) -> int:
        """Steps per epoch; the last may be smaller."""
        return -(-self.num_examples // self.batch_size)

    @property
    def names(self) -> list[str]:
        """Path of each picture."""
        return [str(path) for path in self._index.paths[self._rows]]

    @property
    def contradictory(self) -> npt.NDArray[np.bool_]:
        """`(pictures,)` bool: whether a copy is filed under another class."""
        return self._index.contradictory[self._rows]

    def pictures(self, places: Integers) -> npt.NDArray[np.uint8]:
        """`(n, size, size, 3)` RGB, uint8: the pictures at these places."""
        return self._load(self._rows[places])

    def draws(self, epoch: int) -> Draws:
        """What an epoch draws: places within this split, and draw numbers."""
        del epoch  # every epoch is the same
        return sequential(self.num_examples)

    def batches(self, position: Position, replicas: Replicas) -> tf.data.Dataset:
        """The batches from a position on, cut into parts for replicas, without end.

        Args:
            position: Where to start; going there costs nothing.
            replicas: Who shares the batches.

        Returns:
            A dataset with one element a batch, epoch after epoch: a tuple with a `Part`
            for each replica of this process. Its content is a dict of arrays with a row
            a picture, to be handed to `prepare`.
        """
        length = position.batches_per_epoch or self.num_batches
        reader = _Reader(self, length, replicas)
        return (
            tf.data.Dataset.counter(position.epoch * length + position.batch)
            .map(reader.parts, num_parallel_calls=THREADS, deterministic=True)
            .prefetch(BATCHES_AHEAD)
            .with_options(_options())
        )

    def batch_names(self, position: Position) -> list[str]:
        """Paths of the pictures of one batch, in order."""
        start = position.batch * self.batch_size
        places = self.draws(position.epoch).rows[start : start + self.batch_size]
        return [str(path) for path in self._index.paths[self._rows[places]]]

    def prepare(self, part: dict[str, tf.Tensor]) -> tuple[Any, Any, Any]:
        """Turns a part of a batch into model inputs, on the training device.

        Returns:
            Pictures `(rows, size, size, 3)` float32 in [0, 255], labels `(rows,)`
            int32, and weights `(rows,)` float32 or None.
        """
        images = tf.cast(part["images"], tf.float32)
        if "augmentation" in part:
            images = augment(images, part["augmentation"])
        return images, part["labels"], part.get("weights")

    def arrays(self, draws: Draws) -> dict[str, npt.NDArray[Any]]:
        """The arrays that a part of a batch is made of."""
        return {"images": self.pictures(draws.rows), "labels": self.labels[draws.rows]}


class _Reader:
    """Reads batches by their number, counted over all epochs."""

    def __init__(self, split: ImageSplit, length: int, replicas: Replicas) -> None:
        self._split = split
        self._length = length
        self._replicas = replicas
        # Threads read ahead: around an epoch's end the draws of two are in use.
        self._draws = lru_cache(maxsize=2)(split.draws)

    def parts(self, batch: tf.Tensor) -> tuple[Part, ...]:
        """The parts of a batch for the replicas here; in a `tf.data` pipeline."""
        first = self._replicas.first
        return tuple(
            self._part(batch, replica)
            for replica in range(first, first + self._replicas.local)
        )

    def _part(self, batch: tf.Tensor, replica: int) -> Part:
        nothing = np.zeros(0, np.int64)
        sample = self._split.arrays(Draws(nothing, nothing))
        types = [array.dtype for array in sample.values()]
        repeats, *tensors = tf.numpy_function(
            self._read, [batch, replica], [np.int32, *types]
        )
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
    """Threads of its own for a pipeline, and no tuning.

    In TensorFlow's common threads, reading waits for the model's operations to leave
    one free. Its tuning runs in a thread that sleeps for up to seconds, for which the
    deletion of an iterator waits.
    """
    options = tf.data.Options()
    options.threading.private_threadpool_size = THREADS
    options.autotune.enabled = False
    return options


class TrainingSplit(ImageSplit):
    """The pictures of the training split: shuffled, balanced and augmented.

    Args:
        index: See `ImageSplit`.
        split: See `ImageSplit`.
        load: See `ImageSplit`.
        image_size: See `ImageSplit`.
        batch_size: See `ImageSplit`.
        seed: Of order and augmentation.
        augmentation: How pictures are varied.
        class_balance: How rarer classes are evened out: `"sampling"` draws each class
            equally often, `"weights"` gives the pictures of rarer classes more weight.
    """

    def __init__(
        self,
        index: ImageIndex,
        split: int,
        load: LoadPictures,
        image_size: int,
        batch_size: int,
        *,
        seed: int = 0,
        augmentation: Augmentation | None = None,
        class_balance: ClassBalance = "none",
    ) -> None:
        super().__init__(index, split, load, image_size, batch_size)
        self.seed = seed
        self.augmentation = augmentation or Augmentation(strength=0)
        self.class_balance = class_balance
        self.in_order = ImageSplit(index, split, load, image_size, batch_size)
        digests = index.digests[self._rows]
        self._identities = _identities(digests)
        self._class_weights = balanced_weights(self.labels, len(self.class_names))

    def draws(self, epoch: int) -> Draws:
        """What an epoch draws: places within this split, and draw numbers."""
        if self.class_balance == "sampling":
            return balanced(self.labels, self.seed, epoch)
        return shuffled(self.num_examples, self.seed, epoch)

    def settings(self) -> dict[str, Any]:
        """What decides order, weights and augmentation."""
        return {
            "seed": self.seed,
            "class_balance": self.class_balance,
            "augmentation": {
                "strength": self.augmentation.strength,
                "views": self.augmentation.views,
            },
        }

    def versions(self, place: int, count: int) -> npt.NDArray[np.uint8]:
        """A picture as it is, and as its first `count` draws show it."""
        draws = Draws(np.full(count, place), np.arange(count))
        part = {name: tf.constant(array) for name, array in self.arrays(draws).items()}
        images, _, _ = self.prepare(part)
        varied = np.rint(images.numpy()).astype(np.uint8)
        return np.concatenate([self.pictures(draws.rows[:1]), varied])

    def arrays(self, draws: Draws) -> dict[str, npt.NDArray[Any]]:
        """The arrays that a part of a batch is made of."""
        arrays = super().arrays(draws)
        if self.class_balance == "weights":
            arrays["weights"] = self._class_weights[arrays["labels"]]
        if self.augmentation.strength > 0:
            arrays["augmentation"] = self.augmentation.parameters(
                self.seed, self._identities[draws.rows], draws.numbers, self.image_size
            )
        return arrays


def balanced_weights(
    labels: npt.NDArray[np.int32], num_classes: int
) -> npt.NDArray[np.float32]:
    """Weights that give each class the same sum, and examples 1 on average.

    Returns:
        `(num_classes,)` float32; 0 for a class without examples.

    Example:
        >>> balanced_weights(np.array([0, 0, 0, 1]), 2).tolist()
        [0.6666666865348816, 2.0]
    """
    counts = np.bincount(labels, minlength=num_classes)
    present = np.count_nonzero(counts)
    weights = len(labels) / (present * np.maximum(counts, 1))
    return np.where(counts > 0, weights, 0).astype(np.float32)


def _identities(digests: npt.NDArray[np.bytes_]) -> npt.NDArray[np.uint64]:
    """A number for each picture, from its content; copies get numbers of their own."""
    width = digests.dtype.itemsize
    raw = np.frombuffer(digests.tobytes(), np.uint8).reshape(-1, width)[:, :8]
    content = np.ascontiguousarray(raw).view(np.uint64).reshape(-1)
    return content + rank_within(digests).astype(np.uint64)
