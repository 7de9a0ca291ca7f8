"""The order in which images are drawn, as a pure function of seed and epoch.

Each draw has a number: how often the image was drawn before in this training. The number
determines the augmentation, so that no two draws of an image look alike, even within an
epoch.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


class Draws(NamedTuple):
    """The draws of an epoch, in order.

    Attributes:
        rows: `(draws,)` int64, positions of images.
        numbers: `(draws,)` int64, number of earlier draws of the same image.
    """

    rows: Integers
    numbers: Integers


def sequential(count: int) -> Draws:
    """Draws every image once, in the order of the table."""
    return Draws(np.arange(count), np.zeros(count, np.int64))


def shuffled(count: int, seed: int, epoch: int) -> Draws:
    """Draws every image once, in a different order in each epoch.

    Example:
        >>> shuffled(4, seed=0, epoch=1).rows.tolist()
        [3, 0, 2, 1]
    """
    rows = _generator(seed, epoch).permutation(count)
    return Draws(rows, np.full(count, epoch, np.int64))


def balanced(labels: npt.NDArray[np.int32], seed: int, epoch: int) -> Draws:
    """Draws as many images as there are, equally many of each class.

    The images of each class are drawn in shuffled rounds that continue from epoch to epoch,
    so that none is drawn again before all others of its class.

    Args:
        labels: `(images,)` class of each image.
        seed: Seed of the order.
        epoch: Number of the epoch, counted from 0.
    """
    parts: list[Draws] = []
    classes = np.unique(labels)
    for place, label in enumerate(classes):
        members = np.flatnonzero(labels == label)
        start, stop = _quota(len(labels), len(classes), place, epoch)
        parts.append(_rounds(members, start, stop, seed, int(label)))
    order = _generator(seed, epoch).permutation(sum(len(part.rows) for part in parts))
    rows = np.concatenate([part.rows for part in parts])[order]
    return Draws(rows, np.concatenate([part.numbers for part in parts])[order])


def _quota(total: int, num_classes: int, place: int, epoch: int) -> tuple[int, int]:
    """Returns the range of draws of a class in an epoch.

    The remainder of the division goes to other classes in each epoch.
    """

    def due(epochs: int) -> int:
        return (epochs * total + place) // num_classes

    return due(epoch), due(epoch + 1)


def _rounds(members: Integers, start: int, stop: int, seed: int, label: int) -> Draws:
    size = len(members)
    rounds = range(start // size, -(-stop // size))
    rows = [_generator(seed, 2**32 + label, each).permutation(members) for each in rounds]
    numbers = np.repeat(np.arange(rounds.start, rounds.stop), size)
    window = slice(start - rounds.start * size, stop - rounds.start * size)
    return Draws(np.concatenate([*rows, members[:0]])[window], numbers[window])


def balanced_weights(counts: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
    """Returns class weights that give each class the same sum, and examples 1 on average.

    Args:
        counts: `(classes,)`: number of examples of each class.

    Returns:
        `(classes,)` float32; 0 for a class without examples.

    Example:
        >>> balanced_weights(np.array([3, 1])).tolist()
        [0.6666666865348816, 2.0]
    """
    present = np.count_nonzero(counts)
    weights = counts.sum() / (present * np.maximum(counts, 1))
    return np.where(counts > 0, weights, 0).astype(np.float32)


def _generator(*key: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(list(key)))
