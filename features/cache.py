"""Caches the features of a frozen network for all runs.

A frozen network returns the same features for an image in every epoch, trial and fold. The
store holds them as plain arrays, one entry per view of some images. The key covers
everything that affects them: weights, architecture, precision, the bytes of the images,
their size and augmentation, and the versions of Keras and TensorFlow. Other sets of images
read what they have in common from the same entries.
"""

import contextlib
from collections.abc import Callable, Iterator

import keras
import numpy as np
from filelock import Timeout

from ..core.store import Store
from ..models.module import FrozenPart
from ..strategies import ALONE, Workers
from .contracts import Cacheable, Floats
from .entry import Entry, find_rows
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

        Folds of the same images share the features of all of them. Only images that are in
        no entry go through the network.
        """
        found = images.whole
        if found is None:
            return self._features(images)
        whole, places = found
        return SomeRows([self._features(whole)], places)

    def can_keep(self, images: Cacheable) -> bool:
        """Returns whether the store has the features of images, or room for them."""
        found = images.whole
        entry = self._entry(images if found is None else found[0])
        return self._is_there(entry) or self._fits(entry)

    def _entry(self, images: Cacheable) -> Entry:
        self._network = self._network or fingerprint_of(self.frozen)
        return Entry.of(images, self.frozen.model, self._network)

    def _features(self, images: Cacheable) -> Floats | SomeRows:
        entry = self._entry(images)
        if not self._is_there(entry):
            completed = self._completed(entry)
            if completed is not None:
                return completed
            if not self._fits(entry):
                return self._all_outputs(images)
        with self._turn_of(entry.key):
            features = self._open(entry)
            if features is None:
                features = self._make(entry)
            if features is None:
                features = self._open(entry)
        return self._all_outputs(images) if features is None else features

    def _completed(self, entry: Entry) -> SomeRows | None:
        """Joins features from other entries and missing ones; None if none are known."""
        if self._workers.count > 1:  # their caches may differ
            return None
        keys = self._store.keys(entry.family)
        known = list(filter(None, (entry.open(self._store, key) for key in keys)))
        if not known:
            return None
        arrays: list[Floats | SomeRows] = [features for features, _ in known]
        contents = np.concatenate([contents for _, contents in known])
        places = find_rows(contents, entry.images.contents)
        missing = np.flatnonzero(places < 0)
        if len(missing) == len(places):
            return None
        if len(missing):
            places[missing] = len(contents) + np.arange(len(missing))
            arrays.append(self._features(entry.images.only(missing)))
        return SomeRows(arrays, places)

    def _open(self, entry: Entry) -> Floats | None:
        """Opens the features, if all workers have them."""
        found = entry.open(self._store, entry.key)
        is_there = all(self._workers.gather(found is not None))
        return found[0] if found is not None and is_there else None

    def _is_there(self, entry: Entry) -> bool:
        return all(self._workers.gather(self._store.find(entry.key) is not None))

    def _fits(self, entry: Entry) -> bool:
        fits = self._store.fits(entry.key, entry.num_bytes)
        return all(self._workers.gather(fits))

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

    def _make(self, entry: Entry) -> Floats | None:
        """Creates an entry; returns the features themselves if the disk is full."""
        if self._workers.count > 1:
            return self._make_together(entry)
        try:
            self._fill(entry)
        except OSError:
            return self._all_outputs(entry.images)
        return None

    def _make_together(self, entry: Entry) -> Floats | None:
        """Creates an entry from the parts that all workers compute."""
        features = self._all_outputs(entry.images)
        if self._workers.is_chief:
            self._write(entry, features)
        self._workers.gather(None)  # waits for the chief: workers may share a disk
        if self._store.find(entry.key) is None:
            self._write(entry, features)
        return None if self._is_there(entry) else features

    def _fill(self, entry: Entry) -> None:
        """Creates an entry, or continues that of a killed process."""
        images = entry.images
        bytes_per_batch = entry.row_bytes * images.batch_size
        with self._store.growing(entry.key) as file:
            whole_batches = images.num_examples // images.batch_size
            done = min(file.size // bytes_per_batch, whole_batches)
            file.cut(done * bytes_per_batch)
            for features in self._outputs(images, done):
                file.append(np.ascontiguousarray(features).tobytes())
            file.append(np.ascontiguousarray(images.contents).tobytes())

    def _all_outputs(self, images: Cacheable) -> Floats:
        return np.concatenate(list(self._outputs(images, 0)))

    def _outputs(self, images: Cacheable, start: int) -> Iterator[Floats]:
        dtype = np.dtype(self.frozen.model.output.dtype)
        alone = images.without_columns  # columns enter behind the network
        for features in self._compute(self.frozen.model, alone, start):
            self.computed += len(features)
            yield features.astype(dtype)

    def _write(self, entry: Entry, features: Floats) -> None:
        # If the disk is full, only this run uses them.
        with (
            contextlib.suppress(OSError),
            self._store.writing(entry.key) as part,
            part.open("wb") as file,
        ):
            features.tofile(file)
            np.ascontiguousarray(entry.images.contents).tofile(file)
