"""Loads decoded images by row: from memory, from the disk cache, or from files."""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...configs.choices import Cache
from ...core.files import sha256_of_json
from ...core.read_ahead import read_ahead
from ...core.sealed_file import SEAL_VERSION
from ...core.store import Store
from .decode import Pixels
from .inspect import decode_files
from .parallel_reader import ParallelReader
from .pixel_rules import DEFAULT_RULES, PixelRules

LoadImages = Callable[[npt.NDArray[np.int64]], Pixels]


@dataclass(frozen=True)
class ImageFiles:
    """Files to decode, with the size and rules.

    Attributes:
        paths: Files that are known to be decodable.
        digests: SHA-256 of the content of each, 32 bytes.
        size: Height and width of the decoded images in pixels.
        rules: Rules for reading pixels.
    """

    paths: Sequence[str]
    digests: npt.NDArray[np.bytes_]
    size: int
    rules: PixelRules = DEFAULT_RULES

    def read_all(self) -> Iterator[Pixels]:
        """Decodes all files in parallel, and yields the images in order."""
        return decode_files(self.paths, self.digests.tolist(), self.size, self.rules)


def open_images(
    files: ImageFiles, cache: Cache, store: Store | None
) -> tuple[LoadImages, list[str]]:
    """Creates the function that loads decoded images.

    Args:
        files: Files to decode.
        cache: `"memory"` and `"disk"` decode everything once, now; `"none"` decodes on
            demand; `"auto"` is `"disk"` if that fits, otherwise `"none"`.
        store: The store for `"disk"`, shared by all runs on this machine.

    Returns:
        A function from `(n,)` rows to `(n, size, size, 3)` RGB, uint8, and remarks if the
        cache could not be used.

    Raises:
        DataError: A file was changed or removed since it was inspected.
    """
    if cache == "memory":
        return _FromArray(_decode_to_memory(files)), []
    if cache == "none" or store is None:
        return _FromFiles(files), []
    images = _DecodedImages(files, store)
    if cache == "auto" and not (images.is_there() or images.fits()):
        return _FromFiles(files), [
            f"{images.words} don't fit into the cache and are decoded in each epoch"
        ]
    try:
        return _open(images), []
    except OSError as error:
        return _FromFiles(files), [
            f"{images.words} could not be kept in {store.directory} ({error.strerror}) "
            "and are decoded in each epoch"
        ]


class _DecodedImages:
    """All images of a table in one file of the store."""

    def __init__(self, files: ImageFiles, store: Store) -> None:
        digests = hashlib.sha256(np.ascontiguousarray(files.digests).tobytes()).hexdigest()
        key = [SEAL_VERSION, files.rules.decoder, files.size, digests]
        self._key = f"images-{sha256_of_json(key)}"
        self._files, self._store = files, store
        self._shape = (len(files.paths), files.size, files.size, 3)
        self.num_bytes = math.prod(self._shape)
        self.words = f"{len(files.paths)} decoded images ({self.num_bytes / 1e9:.2g} GB)"

    def is_there(self) -> bool:
        """Returns whether they are in the store."""
        return self._store.find(self._key) is not None

    def fits(self) -> bool:
        """Returns whether the store has room for them."""
        return self._store.fits(self._key, self.num_bytes)

    def open(self) -> Pixels:
        """Maps the file into memory; one process creates it if it is missing.

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
        return self._store.open(self._key, np.uint8, self._shape)

    def _write(self) -> None:
        # Not through a memory map, which kills the process if the disk is full.
        with self._store.writing(self._key) as part, open(part, "wb") as file:
            for pixels in self._files.read_all():
                file.write(pixels.tobytes())


class _FromArray:
    """Loads decoded images from an array.

    Args:
        array: The images.
        source: Their entry in the store, which other processes open when unpickling.
    """

    def __init__(self, array: Pixels, source: _DecodedImages | None = None) -> None:
        self._array = array
        self._source = source

    def __call__(self, rows: npt.NDArray[np.int64]) -> Pixels:
        """See `open_images`."""
        read_ahead(self._array, rows)
        return self._array[rows]

    def __reduce__(self) -> tuple[Any, ...]:
        return (
            (_FromArray, (self._array,))
            if self._source is None
            else (_open, (self._source,))
        )


def _open(source: _DecodedImages) -> _FromArray:
    return _FromArray(source.open(), source)


class _FromFiles:
    """Decodes images from their files; when unpickled, it creates its own reader."""

    def __init__(self, files: ImageFiles) -> None:
        self._files = files
        self._reader = ParallelReader(len(files.paths))

    def __call__(self, rows: npt.NDArray[np.int64]) -> Pixels:
        """See `open_images`."""
        files = self._files
        chosen = [(files.paths[row], files.digests[row]) for row in rows]
        return self._reader.read_batch(chosen, files.size, files.rules)

    def __reduce__(self) -> tuple[Any, ...]:
        return _FromFiles, (self._files,)


def _decode_to_memory(files: ImageFiles) -> Pixels:
    array = np.empty((len(files.paths), files.size, files.size, 3), np.uint8)
    for row, pixels in enumerate(files.read_all()):
        array[row] = pixels
    return array
