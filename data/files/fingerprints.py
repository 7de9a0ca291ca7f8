"""What is kept of an image to find copies of it, without keeping the image."""

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
    "colour BLOB",
    "format TEXT",
    "mode TEXT",
    "orientation INTEGER",
)


class Fingerprint(NamedTuple):
    """What is kept of an image.

    Attributes:
        pixels: A hash of its size and all its pixels, as upright RGB, 16 bytes.
        thumbnail: Its brightness at 32 x 32, row by row, 1024 bytes.
        color: Its mean red, green and blue, 3 bytes.
        format: The true format of the file, such as `"JPEG"`.
        mode: How the file stores colors, in Pillow's words, such as `"RGB"`.
        orientation: That of EXIF, 1 to 8; 1 is upright.
    """

    pixels: bytes
    thumbnail: bytes
    colour: bytes
    format: str
    mode: str
    orientation: int


def fingerprint(opened: OpenedImage) -> Fingerprint:
    """Computes the fingerprint of a fully decoded image.

    Images of the same size and pixels have the same `pixels`, whatever the format
    and the metadata of their files.
    """
    image = opened.image
    pixels = hashlib.blake2b(repr(image.size).encode(), digest_size=16)
    pixels.update(image.tobytes())
    # In two steps where there is much to scale down: as good here, and faster.
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
    """The fingerprints of all contents that were seen before, in a small database.

    Attributes:
        store: Where it is kept.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    @cached_property
    def _rows(self) -> CacheTable:
        path = self.store.claim() / FINGERPRINTS_DATABASE
        return CacheTable(path, _COLUMNS, FINGERPRINT_VERSION)

    def known(self, digests: Iterable[bytes]) -> set[bytes]:
        """The contents whose fingerprints are known."""
        return {row[0] for row in self._rows.find(list(digests))}

    def find(self, digests: Sequence[bytes]) -> dict[bytes, Fingerprint]:
        """The fingerprints of those contents that were seen before.

        Args:
            digests: SHA-256 of each content, 32 bytes.
        """
        return {row[0]: Fingerprint(*row[1:]) for row in self._rows.find(digests)}

    def thumbnails(self, digests: Sequence[bytes]) -> npt.NDArray[np.uint8]:
        """`(n, 32, 32)` brightness of images whose fingerprints are there."""
        found = self.find(list(set(digests)))
        content = b"".join(found[digest].thumbnail for digest in digests)
        return np.frombuffer(content, np.uint8).reshape(-1, SIDE, SIDE)

    def remember(self, fingerprints: Mapping[bytes, Fingerprint]) -> None:
        """Adds fingerprints by the SHA-256 of the content."""
        self._rows.remember((digest, *each) for digest, each in fingerprints.items())
