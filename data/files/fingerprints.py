"""Fingerprints of images, from which copies are found without the images."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from ...core.cache_folder import FINGERPRINTS_DATABASE
from ...core.store import Store
from .cache_table import CacheTable
from .decode import OpenedImage
from .pixel_rules import DECODER_VERSION

SIDE = 32
FINGERPRINT_VERSION = 1000 + DECODER_VERSION
_COLUMNS = (
    "digest BLOB",
    "pixels BLOB",
    "thumbnail BLOB",
    "color BLOB",
    "format TEXT",
    "mode TEXT",
    "orientation INTEGER",
)


class Fingerprint(NamedTuple):
    """The fingerprint of an image.

    Attributes:
        pixels: Hash of its size and all pixels as upright RGB, 16 bytes.
        thumbnail: Brightness at 32 x 32, row by row, 1024 bytes.
        color: Mean red, green and blue, 3 bytes.
        format: Actual format of the file, such as `"JPEG"`.
        mode: Pillow's color mode of the file, such as `"RGB"`.
        orientation: EXIF orientation, 1 to 8; 1 is upright.
    """

    pixels: bytes
    thumbnail: bytes
    color: bytes
    format: str
    mode: str
    orientation: int


def fingerprint(opened: OpenedImage) -> Fingerprint:
    """Computes the fingerprint of a fully decoded image.

    Images with equal pixels have equal `pixels`, whatever the format and metadata of
    their files.
    """
    image = opened.image
    pixels = hashlib.blake2b(repr(image.size).encode(), digest_size=16)
    pixels.update(image.tobytes())
    # Large images are reduced in two steps, which is faster and good enough here.
    small = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return Fingerprint(
        pixels.digest(),
        small.convert("L").tobytes(),
        np.asarray(small).mean(axis=(0, 1)).round().astype(np.uint8).tobytes(),
        opened.format,
        opened.mode,
        opened.orientation,
    )


class Fingerprints:
    """Caches fingerprints by content in an SQLite database.

    Attributes:
        store: The store that holds the database.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    @cached_property
    def _rows(self) -> CacheTable:
        path = self.store.claim() / FINGERPRINTS_DATABASE
        return CacheTable(path, _COLUMNS, FINGERPRINT_VERSION)

    def known(self, digests: Iterable[bytes]) -> set[bytes]:
        """Returns the digests whose fingerprints are known."""
        return {row[0] for row in self._rows.find(list(digests))}

    def find(self, digests: Sequence[bytes]) -> dict[bytes, Fingerprint]:
        """Returns the fingerprints of known contents by their digests.

        Args:
            digests: SHA-256 of each content, 32 bytes.
        """
        return {row[0]: Fingerprint(*row[1:]) for row in self._rows.find(digests)}

    def thumbnails(self, digests: Sequence[bytes]) -> npt.NDArray[np.uint8]:
        """Returns the brightness of images with known fingerprints, `(n, 32, 32)` uint8."""
        found = self.find(list(set(digests)))
        content = b"".join(found[digest].thumbnail for digest in digests)
        return np.frombuffer(content, np.uint8).reshape(-1, SIDE, SIDE)

    def remember(self, fingerprints: Mapping[bytes, Fingerprint]) -> None:
        """Adds fingerprints by the SHA-256 of the content."""
        self._rows.remember((digest, *each) for digest, each in fingerprints.items())
