"""Finds copies of the same picture: files whose bytes are equal."""

import numpy as np
import numpy.typing as npt

Groups = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]


def copy_groups(digests: npt.NDArray[np.bytes_]) -> Groups:
    """Numbers the files so that copies, and only copies, share a number.

    Args:
        digests: `(files,)` fingerprints of the contents.

    Returns:
        `(files,)` group numbers from 0 on.
    """
    return np.unique(digests, return_inverse=True)[1].reshape(-1)


def any_within(groups: Groups, mask: Mask) -> Mask:
    """For each file, whether `mask` is true for any file of its group."""
    return (np.bincount(groups, weights=mask) > 0)[groups]


def differ_within(groups: Groups, values: npt.NDArray[np.integer]) -> Mask:
    """For each file, whether the files of its group differ in `values`."""
    low = np.full(groups.max(initial=-1) + 1, np.iinfo(np.int64).max)
    high = np.full_like(low, np.iinfo(np.int64).min)
    np.minimum.at(low, groups, values)
    np.maximum.at(high, groups, values)
    return (low != high)[groups]


def rank_within(digests: npt.NDArray[np.bytes_]) -> npt.NDArray[np.int64]:
    """For each file, how many copies of it come before it.

    Example:
        >>> rank_within(np.array([b"a", b"b", b"a"])).tolist()
        [0, 0, 1]
    """
    groups = copy_groups(digests)
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], groups[order])
    ranks = np.empty(len(groups), np.int64)
    ranks[order] = np.arange(len(groups)) - starts
    return ranks
