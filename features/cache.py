"""Caches the features of a frozen network for all runs.

A frozen network returns the same features for an image in every epoch, trial and fold. The
store holds them as plain arrays, one entry per view of the images. The key covers
everything that affects them: weights, architecture, precision, the bytes of the images,
their size and augmentation, and the versions of Keras and TensorFlow.
"""

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from filelock import Timeout

from ..core.files import sha256_of_json
from ..core.store import Store
from ..models.module import FrozenPart
from ..strategies import ALONE, Workers
from .contracts import Cacheable, Floats
from .fingerprint import fingerprint_of
from .some_rows import SomeRows

SECONDS_BETWEEN_LOOKS = 0.5  # between checks for signals while another process computes

# Runs a model on images from a given batch, and yields its outputs, one row per image.
Compute = Callable[[keras.Model, Cacheable, int], Iterator[Floats]]


class FeatureCache:
    """Computes features of images, or reads them from the store.

    Args:
        frozen: The network.
        store: Where features are kept.
        compute: Runs a model on images from a given batch, and yields its outputs batch by
            batch, one row per image.
        workers: Workers that each compute a part; all have all features at the end.
        while_waiting: Called repeatedly while another process computes the features.

    Attributes:
        frozen: The network.
        computed: Number of images that went through the network.
    """

    def __init__(
        self,
        frozen: FrozenPart,
        store: Store,
        compute: Compute,
        workers: Workers = ALONE,
        while_waiting: Callable[[], None] = lambda: None,
    ) -> None:
        self._workers = workers
        self.frozen = frozen
        self._store = store
        self._compute = compute
        self._while_waiting = while_waiting
        self._network = ""
        self.computed = 0

    def is_of(self, model: keras.Model) -> bool:
        """Returns whether the outputs of a model are the features in this cache."""
        return model.outputs == self.frozen.model.outputs

    def renew(self) -> None:
        """Accounts for changed weights of the network in later keys."""
        self._network = ""

    def features(self, images: Cacheable) -> Floats | SomeRows:
        """Returns the outputs of the network, `(images, ...)`, memory-mapped if possible.

        Folds of the same images share the features of all of them.
        """
        found = images.whole
        if found is None:
            return self._features(images)
        whole, places = found
        return SomeRows(self._features(whole), places)

    def _features(self, images: Cacheable) -> Floats:
        self._network = self._network or fingerprint_of(self.frozen)
        key = f"features-{sha256_of_json([self._network, images.fingerprint])}"
        shape = (images.num_examples, *self.frozen.model.output_shape[1:])
        dtype = np.dtype(self.frozen.model.output.dtype)
        num_bytes = dtype.itemsize * math.prod(shape)
        if not self._is_there(key) and not self._fits(key, num_bytes):
            return self._all_outputs(images)
        with self._turn_of(key):
            features = self._open(key, dtype, shape)
            if features is None:
                features = self._make(key, images, num_bytes)
            if features is None:
                features = self._open(key, dtype, shape)
        return self._all_outputs(images) if features is None else features

    def _open(
        self, key: str, dtype: np.dtype[Any], shape: tuple[int, ...]
    ) -> Floats | None:
        """Opens the features, if all workers have them."""
        features = self._store.open(key, dtype, shape)
        return features if all(self._workers.gather(features is not None)) else None

    def _is_there(self, key: str) -> bool:
        return all(self._workers.gather(self._store.find(key) is not None))

    def _fits(self, key: str, num_bytes: int) -> bool:
        return all(self._workers.gather(self._store.fits(key, num_bytes)))

    @contextlib.contextmanager
    def _turn_of(self, key: str) -> Iterator[None]:
        """Lets one process at a time create an entry; the chief waits for all workers."""
        if not self._workers.is_chief:
            yield
            return
        lock = self._store.lock(key)
        while not lock.is_locked:
            try:
                lock.acquire(timeout=SECONDS_BETWEEN_LOOKS)
            except Timeout:
                if self._workers.count == 1:  # with several, the others can't react now
                    self._while_waiting()
        try:
            yield
        finally:
            lock.release()

    def _make(self, key: str, images: Cacheable, num_bytes: int) -> Floats | None:
        """Creates an entry; returns the features themselves if the disk is full."""
        if self._workers.count > 1:
            return self._make_together(key, images)
        try:
            self._fill(key, images, num_bytes)
        except OSError:
            return self._all_outputs(images)
        return None

    def _make_together(self, key: str, images: Cacheable) -> Floats | None:
        """Creates an entry from the parts that all workers compute."""
        features = self._all_outputs(images)
        if self._workers.is_chief:
            self._write(key, features)
        self._workers.gather(None)  # waits for the chief: workers may share a disk
        if self._store.find(key) is None:
            self._write(key, features)
        return None if self._is_there(key) else features

    def _fill(self, key: str, images: Cacheable, num_bytes: int) -> None:
        """Creates an entry, or continues that of a killed process."""
        bytes_per_batch = num_bytes // images.num_examples * images.batch_size
        with self._store.growing(key) as file:
            done = file.size // bytes_per_batch
            file.cut(done * bytes_per_batch)
            for features in self._outputs(images, done):
                file.append(np.ascontiguousarray(features).tobytes())

    def _all_outputs(self, images: Cacheable) -> Floats:
        return np.concatenate(list(self._outputs(images, 0)))

    def _outputs(self, images: Cacheable, start: int) -> Iterator[Floats]:
        dtype = np.dtype(self.frozen.model.output.dtype)
        alone = images.without_columns  # columns enter behind the network
        for features in self._compute(self.frozen.model, alone, start):
            self.computed += len(features)
            yield features.astype(dtype)

    def _write(self, key: str, features: Floats) -> None:
        # If the disk is full, only this run uses them.
        with contextlib.suppress(OSError), self._store.writing(key) as part:
            features.tofile(part)
