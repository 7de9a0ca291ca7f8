"""Weighted images, ranked by score."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Ranking:
    """Images ranked by score: sorted once, weighted many times.

    Args:
        truth: `(examples,)` bool, whether each example is positive.
        score: `(examples,)`.

    Example:
        >>> ranking = Ranking(np.array([False, True, True]), np.array([0.1, 0.1, 0.9]))
        >>> positives, negatives = ranking.sums(np.ones((1, 3)))
        >>> positives.tolist(), negatives.tolist()
        ([[1.0, 1.0]], [[1.0, 0.0]])
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
        """Returns the weights of positives and negatives at each score, the lowest first.

        Args:
            weights: `(rounds, examples)`: how often each example counts.

        Returns:
            Positives and negatives, `(rounds, distinct scores)` each.
        """
        ordered = np.take(weights, self._order, axis=1)
        negative = np.where(self._negative, ordered, 0.0)
        negatives = np.add.reduceat(negative, self._begun, axis=1)
        return np.add.reduceat(ordered - negative, self._begun, axis=1), negatives


def ratio(part: Floats, whole: Floats) -> Floats:
    """Returns the quotient, NaN if the divisor is 0."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)
