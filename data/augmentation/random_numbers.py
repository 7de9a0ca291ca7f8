"""Random numbers that are a pure function of their keys."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Stream(IntEnum):
    """Random streams: one per policy, so that no policy changes the draws of another.

    Never renumber them: cached features depend on these numbers.
    """

    RANDOM_RESIZED_CROP = 1
    RAND_AUGMENT = 2
    COLOR_JITTER = 3
    RANDOM_ERASING = 4
    MIXING = 5


class Key(NamedTuple):
    """Key of the random numbers that augment images.

    Attributes:
        seed: Seed of the run.
        images: `(rows,)`: number that identifies each image.
        versions: `(rows,)`: number of the view of each image.
    """

    seed: int
    images: npt.NDArray[np.uint64]
    versions: npt.NDArray[np.int64]

    def uniforms(self, count: int, stream: Stream) -> npt.NDArray[np.float64]:
        """Returns `(rows, count)` random numbers in [0, 1) of a stream."""
        return uniforms(count, *self, stream)


def uniforms(count: int, *keys: int | npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Returns random numbers in [0, 1) that depend on the keys alone.

    Mixes the keys with the finaliser of SplitMix64 (Steele, Lea and Flood, 2014).

    Args:
        count: Number of random numbers per set of keys.
        *keys: Integers, or arrays of them of shape `(rows,)`.

    Returns:
        `(rows, count)` numbers, float64; one row if all keys are single integers.

    Example:
        >>> bool((uniforms(2, 7, 1) == uniforms(2, 7, 1)).all())
        True
    """
    state = np.zeros((1, 1), np.uint64)
    with np.errstate(over="ignore"):
        for key in keys:
            state = _mix(state ^ (_as_column(key) + _GOLDEN))
        states = state + np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN
        return (_mix(states) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _as_column(key: int | npt.NDArray[np.integer]) -> npt.NDArray[np.uint64]:
    return np.atleast_1d(np.asarray(key)).astype(np.uint64).reshape(-1, 1)


def _mix(state: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
