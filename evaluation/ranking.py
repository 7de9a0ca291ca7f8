"""How well a score ranks the images of a class above all others; images have weights."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Ranking:
    """Images in the order of their score: sorted once, weighed many times.

    Args:
        truth: `(examples,)` which of them are positive.
        score: `(examples,)`.

    Example:
        >>> ranking = Ranking(np.array([False, True, True]), np.array([0.1, 0.1, 0.9]))
        >>> positives, negatives = ranking.sums(np.ones((1, 3)))
        >>> positives.tolist(), negatives.tolist()
        ([[1.0, 1.0]], [[1.0, 0.0]])
        >>> float(roc_auc(positives, negatives)[0])
        0.75
    """

    def __init__(
        self, truth: npt.NDArray[np.bool_], score: npt.NDArray[np.floating]
    ) -> None:
        self._order = np.argsort(score, kind="stable")
        self._negative = ~truth[self._order]
        ordered = score[self._order]
        self._begun = np.flatnonzero(np.diff(ordered, prepend=-np.inf))  # of equal scores
        self.distinct = ordered[self._begun]

    def sums(self, weights: Floats) -> tuple[Floats, Floats]:
        """Weights of positives and negatives at each distinct score, the lowest first.

        Args:
            weights: `(rounds, examples)`.

        Returns:
            Twice `(rounds, scores)`.
        """
        ordered = weights[:, self._order]
        negative = np.where(self._negative, ordered, 0.0)
        negatives = np.add.reduceat(negative, self._begun, axis=1)
        return np.add.reduceat(ordered - negative, self._begun, axis=1), negatives


def roc_auc(positives: Floats, negatives: Floats) -> Floats:
    """`(rounds,)`: how often a positive is above a negative; ties count half.

    Args:
        positives: `(rounds, scores)`, as of `Ranking.sums`.
        negatives: The same.

    Returns:
        NaN where a round has no positive or no negative.
    """
    below = np.cumsum(negatives, axis=1) - negatives
    pairs = positives.sum(axis=1) * negatives.sum(axis=1)
    return ratio(np.sum(positives * (below + negatives / 2), axis=1), pairs)


def average_precision(positives: Floats, negatives: Floats) -> Floats:
    """`(rounds,)`: precision at each threshold, weighted by what recall gains there.

    Args:
        positives: `(rounds, scores)`, as of `Ranking.sums`.
        negatives: The same.

    Returns:
        NaN where a round has no positive.
    """
    found = np.cumsum(positives[:, ::-1], axis=1)[:, ::-1]
    alarms = np.cumsum((positives + negatives)[:, ::-1], axis=1)[:, ::-1]
    precision = np.nan_to_num(ratio(found, alarms))
    return ratio(np.sum(positives * precision, axis=1), positives.sum(axis=1))


def ratio(part: Floats, whole: Floats) -> Floats:
    """A quotient that is NaN where there is nothing to divide by."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)
