"""Finds files that are copies or near copies of each other."""

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...core.sealed_file import SEAL_VERSION
from ...core.store import Store
from ..files.fingerprints import FINGERPRINT_VERSION, Fingerprints
from ..files.inspect import inspect_files
from .groups import Groups, connected, copy_groups
from .near_pairs import NEAR_VERSION, Integers, Thumbnails, near_pairs

_VERSIONS = f"{FINGERPRINT_VERSION}-{NEAR_VERSION}-{SEAL_VERSION}"
_PIXELS = b"pixels: "
_CHUNK = 1000


@dataclass(frozen=True)
class Copies:
    """Groups of files that show the same image.

    Attributes:
        same: `(files,)` group numbers. Files with identical pixels share one, whatever
            their names, formats and metadata. Undecodable files are alone.
        near: `(files,)` group numbers that near copies share, too.
    """

    same: Groups
    near: Groups


def near_groups(paths: Sequence[str], store: Store) -> Groups:
    """Numbers files so that copies and near copies share a number.

    Args:
        paths: Image files.
        store: Caches the results, so that unchanged files are not opened again.

    Returns:
        `(files,)` group numbers, starting at 0.
    """
    fingerprints = Fingerprints(store)
    records = inspect_files(paths, store, fingerprints)
    return find_copies([record.digest for record in records], fingerprints).near


def find_copies(
    digests: Sequence[bytes], fingerprints: Fingerprints, near: bool = True
) -> Copies:
    """Groups files by their fingerprints.

    Args:
        digests: SHA-256 of the content of each file; files without fingerprint are alone.
        fingerprints: The fingerprints of the images.
        near: Whether to look for near copies, too.
    """
    keys, colors = _keys_and_colors(digests, fingerprints)
    same = copy_groups(keys)
    if not near:
        return Copies(same, same)
    first = np.unique(same, return_index=True)[1]
    images = first[np.char.startswith(keys[first], _PIXELS)]
    shown = [digests[row] for row in images]

    def load(places: Integers) -> Thumbnails:
        return fingerprints.thumbnails([shown[place] for place in places])

    pairs = _cached_pairs(
        fingerprints.store,
        f"near-{_VERSIONS}-{hashlib.sha256(b''.join(shown)).hexdigest()}",
        lambda: near_pairs(load, colors[images]),
    )
    return Copies(same, connected(same, images[pairs]))


def _keys_and_colors(
    digests: Sequence[bytes], fingerprints: Fingerprints
) -> tuple[npt.NDArray[np.bytes_], npt.NDArray[np.uint8]]:
    """Returns keys that are equal for equal pixels only, and `(files, 3)` mean colors."""
    keys = np.array([b"row %d" % row for row in range(len(digests))], "S24")
    colors = np.zeros((len(digests), 3), np.uint8)
    for start in range(0, len(digests), _CHUNK):
        rows = range(start, min(start + _CHUNK, len(digests)))
        found = fingerprints.find([digests[row] for row in rows])
        for row in rows:
            if digests[row] in found:
                keys[row] = _PIXELS + found[digests[row]].pixels
                colors[row] = list(found[digests[row]].color)
    return keys, colors


def _cached_pairs(store: Store, key: str, find: Callable[[], Integers]) -> Integers:
    """Returns the cached pairs for these images, or finds and caches them."""
    found = store.open(key, "<i8", (-1, 2))
    if found is not None:
        return found.astype(np.intp)
    pairs = find()
    with contextlib.suppress(OSError), store.writing(key) as part:  # the disk may be full
        pairs.astype("<i8").tofile(part)
    return pairs
