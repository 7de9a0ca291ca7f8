"""Hands out decoded pictures by row, from memory, from the disk or from their files."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..core.files import sha256_of_json
from ..core.store import Store
from .decode import DECODER_VERSION, Pixels
from .index import ImageIndex
from .inspection import decode_files, read_pixels

Cache = Literal["auto", "memory", "disk", "none"]
LoadPictures = Callable[[npt.NDArray[np.int64]], Pixels]


def open_pictures(
    index: ImageIndex, size: int, cache: Cache, store: Store | None
) -> LoadPictures:
    """Makes the function that hands out decoded pictures.

    Args:
        index: The files.
        size: Height and width of the pictures in pixels.
        cache: `"memory"` and `"disk"` decode everything once, now; `"none"` decodes
            when asked; `"auto"` is `"disk"` where that fits, else `"none"`.
        store: Where `"disk"` keeps them, for all runs on this machine to share.

    Returns:
        A function from `(n,)` rows to `(n, size, size, 3)` RGB, uint8.
    """
    size_bytes = len(index) * size * size * 3
    if cache == "memory":
        return _from_array(_decode_into(np.empty(_shape(index, size), np.uint8), index))
    if cache != "none" and store is not None:
        array = _on_disk(
            index, size, store, required=cache == "disk", size_bytes=size_bytes
        )
        if array is not None:
            return _from_array(array)
    return _from_files(index, size)


def _from_array(array: Pixels) -> LoadPictures:
    return lambda rows: array[rows]


def _from_files(index: ImageIndex, size: int) -> LoadPictures:
    def load(rows: npt.NDArray[np.int64]) -> Pixels:
        pictures = np.empty((len(rows), size, size, 3), np.uint8)
        for place, row in enumerate(rows):
            pictures[place] = read_pixels(index.paths[row], size)
        return pictures

    return load


def _on_disk(
    index: ImageIndex, size: int, store: Store, required: bool, size_bytes: int
) -> Pixels | None:
    digests = index.digests.tobytes().hex()
    key = f"pictures-{sha256_of_json([DECODER_VERSION, size, digests])}"
    with store.lock(key):
        file = store.find(key)
        if file is None:
            if not (required or store.fits(size_bytes)):
                return None
            try:
                with store.writing(key) as part:
                    target = np.memmap(part, np.uint8, "w+", shape=_shape(index, size))
                    _decode_into(target, index)
                    target.flush()
            except OSError:
                if required:
                    raise
                return None  # the disk filled up meanwhile: decode from the files
            file = store.find(key)
    return np.memmap(file, np.uint8, "r", shape=_shape(index, size)) if file else None


def _decode_into(array: Pixels, index: ImageIndex) -> Pixels:
    def put(row: int, pixels: Pixels) -> None:
        array[row] = pixels

    decode_files([str(path) for path in index.paths], array.shape[1], put)
    return array


def _shape(index: ImageIndex, size: int) -> tuple[int, int, int, int]:
    return len(index), size, size, 3
