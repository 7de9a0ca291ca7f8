"""Finds near copies: the same photograph re-encoded, scaled, or slightly cropped.

Images are compared by the low frequencies of their 32 x 32 brightness, normalized to zero
mean and unit contrast. A cropped copy looks like a window of the other image, so windows of
each image are compared with every other image as a whole. A search tree over the lowest
frequencies finds candidates, which are then compared at more frequencies and windows.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.fft import dct
from scipy.spatial import KDTree

from ...core.progress import track
from ..files.fingerprints import SIDE

# Two images are near copies if their brightness correlates by 0.992 or more, and their
# mean colors differ by no more than this in red, green and blue.
MIN_CORRELATION = 0.992
MAX_COLOR_DIFFERENCE = 24
# Images with a lower standard deviation of brightness (0-255) are not compared.
MIN_CONTRAST = 2.0
# Up to this fraction of width and height may be cropped.
MAX_CROP = 0.1
# Increment to invalidate cached pairs.
NEAR_VERSION = 1

_FREQUENCIES = 12
_COARSE, _COARSEST = 20, 12
_COARSE_DISTANCE = 0.13
_NEIGHBOURS = 16
_CHUNK = 1024

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.intp]
Thumbnails = npt.NDArray[np.uint8]
LoadThumbnails = Callable[[Integers], Thumbnails]
Window = tuple[float, float]


def near_pairs(load: LoadThumbnails, colors: npt.NDArray[np.uint8]) -> Integers:
    """Finds the pairs of images that are near copies of each other.

    Args:
        load: Maps `(n,)` rows to their thumbnails, `(n, 32, 32)` uint8 brightness.
        colors: `(rows, 3)` mean red, green and blue of each image.

    Returns:
        `(pairs, 2)` rows, the lower first. If an image has many near copies, some pairs
        may be missing, but the rest connect them.
    """
    candidates = _candidates(load, len(colors))
    difference = np.abs(np.diff(colors[candidates].astype(np.int16), axis=1))
    candidates = candidates[difference.max(axis=(1, 2)) <= MAX_COLOR_DIFFERENCE]
    chunks = [candidates[at : at + 128] for at in range(0, len(candidates), 128)]
    found = [chunk[_correlations(load, chunk) >= MIN_CORRELATION] for chunk in chunks]
    return np.concatenate([*found, np.empty((0, 2), np.intp)])


def _candidates(load: LoadThumbnails, count: int) -> Integers:
    """Returns pairs of which one roughly resembles a window of the other."""
    coarse = np.concatenate(
        [_spectra(load(rows), [_WHOLE])[:, 0] for rows in _chunks(np.arange(count))]
        or [np.empty((0, _COARSE), np.float32)]
    )
    rows = np.flatnonzero(coarse.any(axis=1))
    if len(rows) < 2:
        return np.empty((0, 2), np.intp)
    # Sorting neighbors in the tree next to each other in memory is several times faster.
    rows = rows[KDTree(coarse[rows, :_COARSEST], leafsize=64).indices]
    coarse = coarse[rows]
    tree = KDTree(coarse[:, :_COARSEST], leafsize=64)
    chunks = _chunks(np.arange(len(rows)))
    found = [
        _find_candidates_near(_spectra(load(rows[chunk]), _WINDOWS), chunk, coarse, tree)
        for chunk in track(chunks, "Looking for near copies", len(chunks))
    ]
    return np.unique(np.sort(rows[np.concatenate(found)], axis=1), axis=0)


def _find_candidates_near(
    windows: Floats, places: Integers, coarse: Floats, tree: KDTree
) -> Integers:
    """Returns pairs of positions; a window of the first image resembles the second."""
    found: list[Integers] = []
    for window in np.moveaxis(windows, 1, 0):
        _, near = tree.query(
            window[:, :_COARSEST],
            _NEIGHBOURS,
            distance_upper_bound=_COARSE_DISTANCE,
            workers=-1,
        )
        place, neighbour = np.nonzero(near < tree.n)
        pairs = np.stack([place, near[place, neighbour]], axis=1)
        distance = np.linalg.norm(window[pairs[:, 0]] - coarse[pairs[:, 1]], axis=1)
        pairs[:, 0] = places[pairs[:, 0]]
        found.append(pairs[(distance < _COARSE_DISTANCE) & (pairs[:, 0] != pairs[:, 1])])
    return np.concatenate(found)


def _correlations(load: LoadThumbnails, pairs: Integers) -> Floats:
    """Returns the correlation of two images at their best alignment, `(pairs,)`."""
    first, second = load(pairs[:, 0]), load(pairs[:, 1])
    return np.maximum(_best_window(first, second), _best_window(second, first))


def _best_window(cropped: Thumbnails, whole: Thumbnails) -> Floats:
    windows = _normalize(_transform(cropped, _FINE, _FINE))
    target = _normalize(_transform(whole, _WHOLE_AXIS, _WHOLE_AXIS))[:, 0, 0]
    return np.einsum("nyxfg,nfg->nyx", windows, target).max(axis=(1, 2))


def _spectra(thumbnails: Thumbnails, windows: Sequence[tuple[Window, Window]]) -> Floats:
    """Returns the lowest frequencies, `(n, windows, 20)`; zeros without contrast."""
    spectra = [
        _normalize(
            _transform(thumbnails, _axis_matrices([vertical]), _axis_matrices([horizontal]))
        )[:, 0, 0]
        for vertical, horizontal in windows
    ]
    return np.stack([each[:, *_LOWEST] for each in spectra], axis=1)


def _transform(thumbnails: Thumbnails, vertical: Floats, horizontal: Floats) -> Floats:
    """Returns cosine transforms without the mean, `(n, windows, windows, 12, 12)`."""
    rows = np.tensordot(thumbnails.astype(np.float32), horizontal, ([2], [2]))
    result = np.einsum("yfi,nixg->nyxfg", vertical, rows, optimize=True)
    result[..., 0, 0] = 0
    return result


def _normalize(spectra: Floats) -> Floats:
    norms = np.linalg.norm(spectra, axis=(-2, -1), keepdims=True)
    return np.where(norms < MIN_CONTRAST * SIDE, 0, spectra / np.maximum(norms, 1e-6))


def _axis_matrices(windows: Sequence[Window]) -> Floats:
    """Returns matrices that resample and transform windows, `(windows, 12, 32)`."""
    cosines = dct(np.eye(SIDE), axis=0, norm="ortho")[:_FREQUENCIES]
    return np.stack([cosines @ _resampling(*each) for each in windows]).astype(np.float32)


def _resampling(low: float, high: float) -> npt.NDArray[np.float64]:
    """Returns a matrix that interpolates [low, high] from [0, 1], `(32, 32)`."""
    points = (low + (np.arange(SIDE) + 0.5) / SIDE * (high - low)) * SIDE - 0.5
    distance = np.abs(np.clip(points, 0, SIDE - 1)[:, None] - np.arange(SIDE))
    return np.maximum(1 - distance, 0)


def _chunks(rows: Integers) -> list[Integers]:
    return [rows[at : at + _CHUNK] for at in range(0, len(rows), _CHUNK)]


def _windows_of(length: float, steps: int) -> list[Window]:
    starts = np.linspace(0, 1 - length, steps)
    return [(float(start), float(start) + length) for start in starts]


_WHOLE = ((0.0, 1.0), (0.0, 1.0))
_WINDOWS = [
    _WHOLE,
    ((MAX_CROP / 2, 1 - MAX_CROP / 2), (MAX_CROP / 2, 1 - MAX_CROP / 2)),
    *[(y, x) for y in _windows_of(0.95, 3) for x in _windows_of(0.95, 3)],
]
_WHOLE_AXIS = _axis_matrices([_WHOLE[0]])
_FINE = _axis_matrices([_WHOLE[0], *_windows_of(0.95, 5), *_windows_of(1 - MAX_CROP, 5)])
_ORDER = sorted(
    (row + column, row, column)
    for row in range(_FREQUENCIES)
    for column in range(_FREQUENCIES)
)[1 : _COARSE + 1]
_LOWEST = tuple(np.array(_ORDER).T[1:])
