"""Functions of group numbers, which the files of a group share."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Groups = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]


def copy_groups(digests: npt.NDArray[np.bytes_]) -> Groups:
    """Assigns numbers so that copies, and only copies, share one.

    Args:
        digests: `(files,)` fingerprints of the contents.

    Returns:
        `(files,)` group numbers, starting at 0.
    """
    return np.unique(digests, return_inverse=True)[1].reshape(-1)


def named_groups(names: Sequence[str]) -> Groups:
    """Assigns numbers so that files with the same group name share one.

    Args:
        names: Name of the group of each file; files with an empty name are alone.
    """
    known, groups = np.unique(np.array(names, object), return_inverse=True)
    alone = np.flatnonzero([not name for name in names])
    groups[alone] = len(known) + np.arange(len(alone))
    return groups


def join_groups(first: Groups, second: Groups) -> Groups:
    """Joins groups: files share a number if a chain of shared numbers connects them.

    Example:
        >>> joined = join_groups(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2]))
        >>> joined.tolist()
        [0, 0, 0, 1]
    """
    count = int(first.max(initial=-1)) + 1
    total = count + int(second.max(initial=-1)) + 1
    links = coo_array((np.ones(len(first)), (first, count + second)), shape=(total, total))
    joined = connected_components(links, directed=False)[1][first]
    return np.unique(joined, return_inverse=True)[1]


def connected(groups: Groups, pairs: Groups) -> Groups:
    """Joins groups that are connected by pairs of rows, and renumbers all groups.

    Example:
        >>> connected(np.array([0, 1, 1, 2]), np.array([[0, 2]])).tolist()
        [0, 0, 0, 1]
    """
    count = int(groups.max(initial=-1)) + 1
    first, second = groups[pairs].T
    links = coo_array((np.ones(len(pairs)), (first, second)), shape=(count, count))
    labels: Groups = connected_components(links, directed=False)[1]
    return labels[groups]


def in_order_of_content(groups: Groups, digests: npt.NDArray[np.bytes_]) -> Groups:
    """Renumbers groups by the contents of their files, independently of names.

    Example:
        >>> in_order_of_content(np.array([3, 1, 3]), np.array([b"c", b"b", b"a"])).tolist()
        [0, 1, 0]
    """
    order = np.argsort(digests, kind="stable")
    _, first, numbers = np.unique(groups[order], return_index=True, return_inverse=True)
    ranks = np.empty_like(first)
    ranks[np.argsort(first)] = np.arange(len(first))
    renumbered = np.empty_like(groups)
    renumbered[order] = ranks[numbers]
    return renumbered


def any_within(groups: Groups, mask: Mask) -> Mask:
    """Returns for each file whether `mask` is true for any file of its group."""
    return (np.bincount(groups, weights=mask) > 0)[groups]


def differ_within(groups: Groups, values: npt.NDArray[np.integer]) -> Mask:
    """Returns for each file whether the files of its group differ in `values`."""
    low = np.full(groups.max(initial=-1) + 1, np.iinfo(np.int64).max)
    high = np.full_like(low, np.iinfo(np.int64).min)
    np.minimum.at(low, groups, values)
    np.maximum.at(high, groups, values)
    return (low != high)[groups]


def rank_within(digests: npt.NDArray[np.bytes_]) -> npt.NDArray[np.int64]:
    """Returns for each file the number of its copies before it.

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


def content_numbers(digests: npt.NDArray[np.bytes_]) -> npt.NDArray[np.uint64]:
    """Returns a number for each file from its content; copies share one.

    Args:
        digests: `(files,)` fingerprints of the contents, 8 bytes or more.

    Example:
        >>> content_numbers(np.array([b"a", b"b", b"a"], "S32")).tolist()
        [97, 98, 97]
    """
    raw = np.frombuffer(digests.tobytes(), np.uint8).reshape(-1, digests.dtype.itemsize)
    return np.ascontiguousarray(raw[:, :8]).view(np.uint64).reshape(-1)
