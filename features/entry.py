"""The layout of cached features in the store."""

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from ..core.files import sha256_of_json
from ..core.store import Store
from .contracts import Cacheable, Floats

Contents = npt.NDArray[np.bytes_]


@dataclass(frozen=True)
class Entry:
    """An entry of the store: the features of images, followed by the images' `contents`.

    Its key begins with a prefix that all entries of the same network and version have, so
    that features of the same images in other entries can be found.

    Attributes:
        family: Prefix of the keys of this network and version.
        images: The images.
        dtype: Data type of the features.
        shape: Shape of the features of one image.
    """

    family: str
    images: Cacheable
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @classmethod
    def of(cls, images: Cacheable, model: keras.Model, network: str) -> "Entry":
        """Returns the entry of images.

        Args:
            images: The images, in one version.
            model: The network.
            network: Its fingerprint.
        """
        number = int(sha256_of_json([network, images.version])[:32], 16)
        dtype, shape = np.dtype(model.output.dtype), tuple(model.output.shape[1:])
        return cls(f"features-{number}-", images, dtype, shape)

    @property
    def key(self) -> str:
        """Key in the store."""
        return self.family + sha256_of_json([self.family, self.images.fingerprint])

    @property
    def row_bytes(self) -> int:
        """Bytes of the features of one image."""
        return self.dtype.itemsize * math.prod(self.shape)

    @property
    def num_bytes(self) -> int:
        """Size of the entry in bytes."""
        contents = self.images.contents
        return len(contents) * (self.row_bytes + contents.dtype.itemsize)

    def open(self, store: Store, key: str) -> tuple[Floats, Contents] | None:
        """Opens an entry of the family: features and contents; None if it is missing."""
        kind = self.images.contents.dtype
        found = store.open(key, np.uint8, (-1,))
        if found is None:
            return None
        count = len(found) // (self.row_bytes + kind.itemsize)
        end = count * self.row_bytes
        features = found[:end].view(self.dtype).reshape(count, *self.shape)
        return features, found[end:].view(kind)


def find_rows(known: Contents, wanted: Contents) -> npt.NDArray[np.int64]:
    """Finds where contents are among others.

    Returns:
        `(wanted,)` the place of each; -1 if it is not there.

    Example:
        >>> find_rows(np.array([b"b", b"a"]), np.array([b"a", b"c"])).tolist()
        [1, -1]
    """
    order = np.argsort(known)
    places = order[np.searchsorted(known, wanted, sorter=order).clip(max=len(known) - 1)]
    return np.where(known[places] == wanted, places, -1)
