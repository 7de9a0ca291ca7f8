"""Features of a frozen network, computed once and kept for all runs.

A frozen network makes the same of a picture in every epoch, trial and fold. Its outputs
are kept in the store as plain arrays, one entry for each version of the pictures, under
a key of everything that decides them: weights, architecture, precision, the pictures'
bytes, their size and how they are varied, and the versions of Keras and TensorFlow.
"""

import contextlib
import hashlib
from collections.abc import Callable
from importlib import metadata
from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt

from ..core.files import sha256_of_json
from ..core.store import Store
from ..strategies import ALONE, Workers
from .module import FrozenPart

FORMAT = 1
Floats = npt.NDArray[np.floating[Any]]


class Fingerprinted(Protocol):
    """Pictures that can tell what they are."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that decides what a model sees."""

    @property
    def num_examples(self) -> int:
        """How many pictures there are."""


Compute = Callable[[keras.Model, Any], Floats]


class FeatureCache:
    """Hands out features of pictures, from the store where they are known.

    Args:
        frozen: The network.
        store: Where features are kept.
        compute: Runs a model over pictures and returns its outputs, a row a picture.
        workers: Who compute together, each its part, and have all in the end.

    Attributes:
        frozen: The network.
        computed: How many pictures went through the network.
    """

    def __init__(
        self,
        frozen: FrozenPart,
        store: Store,
        compute: Compute,
        workers: Workers = ALONE,
    ) -> None:
        self._workers = workers
        self.frozen = frozen
        self._store = store
        self._compute = compute
        self._network = _fingerprint_network(frozen)
        self.computed = 0

    def is_of(self, model: keras.Model) -> bool:
        """Whether a model's outputs are the features that are kept here."""
        return model.outputs == self.frozen.model.outputs

    def features(self, pictures: Fingerprinted) -> Floats:
        """`(pictures, ...)` what the network makes of them, mapped from the disk."""
        key = f"features-{sha256_of_json([self._network, pictures.fingerprint])}"
        shape = (pictures.num_examples, *self.frozen.model.output_shape[1:])
        dtype = np.dtype(self.frozen.model.output.dtype)
        # One process at a time makes an entry; of workers the chief waits for all.
        is_chief = self._workers.is_chief
        with self._store.lock(key) if is_chief else contextlib.nullcontext():
            if not all(self._workers.gather(self._store.find(key) is not None)):
                features = self._compute(self.frozen.model, pictures).astype(dtype)
                self.computed += len(features)
                if not all(self._workers.gather(self._store.fits(features.nbytes))):
                    return features
                if is_chief:
                    self._write(key, features)
                self._workers.gather(None)  # others may see the same files
                if self._store.find(key) is None:
                    self._write(key, features)
            file = self._store.find(key)
        return np.memmap(file, dtype, "r", shape=shape) if file else features

    def _write(self, key: str, features: Floats) -> None:
        # Where the disk is full after all, they are for this run alone.
        with contextlib.suppress(OSError), self._store.writing(key) as part:
            features.tofile(part)


def _fingerprint_network(frozen: FrozenPart) -> str:
    weights = hashlib.sha256()
    for variable in frozen.model.weights:
        weights.update(np.ascontiguousarray(variable.numpy()).tobytes())
    layers = [
        [type(layer).__name__, layer.dtype_policy.name] for layer in frozen.model.layers
    ]
    versions = [metadata.version(name) for name in ("keras", "tensorflow")]
    return sha256_of_json([FORMAT, weights.hexdigest(), layers, frozen.settings, versions])
