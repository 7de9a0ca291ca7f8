"""Hands out decoded pictures by row, from memory, from the disk or from their files."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt

from ...core.files import sha256_of_json
from ...core.sealed_file import SEAL_VERSION
from ...core.store import Store
from ..index.image_index import ImageIndex
from .decode import Pixels
from .inspect import decode_files, read_pixels
from .pixel_rules import DEFAULT_RULES, PixelRules

Cache = Literal["auto", "memory", "disk", "none"]
LoadPictures = Callable[[npt.NDArray[np.int64]], Pixels]


def open_pictures(
    index: ImageIndex,
    size: int,
    cache: Cache,
    store: Store | None,
    rules: PixelRules = DEFAULT_RULES,
) -> tuple[LoadPictures, list[str]]:
    """Makes the function that hands out decoded pictures.

    Args:
        index: The files.
        size: Height and width of the pictures in pixels.
        cache: `"memory"` and `"disk"` decode everything once, now; `"none"` decodes
            when asked; `"auto"` is `"disk"` where that fits, else `"none"`.
        store: Where `"disk"` keeps them, for all runs on this machine to share.
        rules: How pixels are read.

    Returns:
        A function from `(n,)` rows to `(n, size, size, 3)` RGB, uint8, and lines on
        what could not be had.

    Raises:
        DataError: A file was changed or removed since it was inspected.
    """
    if cache == "memory":
        return _from_array(_in_memory(index, size, rules)), []
    if cache == "none" or store is None:
        return _from_files(index, size, rules), []
    pictures = _Decoded(index, size, store, rules)
    if cache == "auto" and not (pictures.is_there() or pictures.fits()):
        return _from_files(index, size, rules), [
            f"{pictures.words} don't fit into the cache: they are decoded in each epoch"
        ]
    try:
        return _from_array(pictures.open()), []
    except OSError as error:
        return _from_files(index, size, rules), [
            f"{pictures.words} could not be kept in {store.directory} ({error.strerror}): "
            "they are decoded in each epoch"
        ]


class _Decoded:
    """All pictures of a table in one file of the store."""

    def __init__(
        self, index: ImageIndex, size: int, store: Store, rules: PixelRules
    ) -> None:
        digests = hashlib.sha256(np.ascontiguousarray(index.digests).tobytes()).hexdigest()
        key = [SEAL_VERSION, rules.decoder, size, digests]
        self._key = f"pictures-{sha256_of_json(key)}"
        self._index, self._size, self._store = index, size, store
        self._rules = rules
        self.num_bytes = len(index) * size * size * 3
        self.words = f"{len(index)} decoded pictures ({self.num_bytes / 1e9:.2g} GB)"

    def is_there(self) -> bool:
        """Whether somebody has decoded them already."""
        return self._store.find(self._key) is not None

    def fits(self) -> bool:
        """Whether there is room for them."""
        return self._store.fits(self._key, self.num_bytes)

    def open(self) -> Pixels:
        """Maps the file; makes it first if it is not there, in one process for all.

        Raises:
            OSError: The disk is full.
        """
        with self._store.lock(self._key):
            found = self._find()
            if found is None:
                self._write()
                found = self._find()
        if found is None:
            raise OSError(0, "the disk does not keep what is written")
        return found

    def _find(self) -> Pixels | None:
        shape = (len(self._index), self._size, self._size, 3)
        return self._store.open(self._key, np.uint8, shape)

    def _write(self) -> None:
        # Not through a mapped file: where the disk is full, that kills the process.
        with self._store.writing(self._key) as part, open(part, "wb") as file:
            for pixels in _decode(self._index, self._size, self._rules):
                file.write(pixels.tobytes())


def _from_array(array: Pixels) -> LoadPictures:
    return lambda rows: array[rows]


def _from_files(index: ImageIndex, size: int, rules: PixelRules) -> LoadPictures:
    def load(rows: npt.NDArray[np.int64]) -> Pixels:
        pictures = np.empty((len(rows), size, size, 3), np.uint8)
        for place, row in enumerate(rows):
            pictures[place] = read_pixels(index.paths[row], index.digests[row], size, rules)
        return pictures

    return load


def _in_memory(index: ImageIndex, size: int, rules: PixelRules) -> Pixels:
    array = np.empty((len(index), size, size, 3), np.uint8)
    for row, pixels in enumerate(_decode(index, size, rules)):
        array[row] = pixels
    return array


def _decode(index: ImageIndex, size: int, rules: PixelRules) -> Iterator[Pixels]:
    return decode_files(index.paths.tolist(), index.digests.tolist(), size, rules)
