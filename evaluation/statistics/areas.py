"""Areas under ROC and precision-recall curves of weighted images."""

import numpy as np
import numpy.typing as npt

from .ranking import Floats, ratio


class Areas:
    """Areas under the ROC and the precision-recall curve of one class against all others.

    Scores are sorted once and weighted many times. Weights are `(rounds, examples)`: how
    often each example counts. Areas are `(rounds,)`, NaN if a round has no positives, or,
    for the ROC curve, no negatives.

    Args:
        truth: `(examples,)` bool, whether each example is positive: at least one is.
        score: `(examples,)`.

    Example:
        >>> areas = Areas(np.array([False, True, True]), np.array([0.1, 0.1, 0.9]))
        >>> areas.both(np.ones((1, 3)))
        (array([0.75]), array([0.83333333]))
    """

    def __init__(
        self, truth: npt.NDArray[np.bool_], score: npt.NDArray[np.floating]
    ) -> None:
        self._positives = _in_order(truth, score)
        self._negatives = _in_order(~truth, score)
        values, self._begun = np.unique(score[self._positives], return_index=True)
        others = score[self._negatives]
        self._below = np.searchsorted(others, values, side="left")
        self._up_to = np.searchsorted(others, values, side="right")

    def roc_auc(self, weights: Floats) -> Floats:
        """Returns the probability that a positive ranks above a negative, ties as half."""
        return self._roc_auc(*self._sums(weights))

    def both(self, weights: Floats) -> tuple[Floats, Floats]:
        """Returns ROC AUC and average precision; both take as long as one of them.

        Average precision is the mean of the precision over thresholds, weighted by the
        increase of recall.
        """
        positives, negatives = self._sums(weights)
        return (
            self._roc_auc(positives, negatives),
            self._average_precision(positives, negatives),
        )

    def _roc_auc(self, positives: Floats, negatives: Floats) -> Floats:
        beaten = (negatives[:, self._below] + negatives[:, self._up_to]) / 2
        pairs = positives.sum(axis=1) * negatives[:, -1]
        return ratio(np.sum(positives * beaten, axis=1), pairs)

    def _average_precision(self, positives: Floats, negatives: Floats) -> Floats:
        found = np.cumsum(positives[:, ::-1], axis=1)[:, ::-1]
        false = negatives[:, -1:] - negatives[:, self._below]
        gained = positives * np.nan_to_num(ratio(found, found + false))
        return ratio(np.sum(gained, axis=1), positives.sum(axis=1))

    def _sums(self, weights: Floats) -> tuple[Floats, Floats]:
        """Returns weights of positives by score, and cumulative weights of negatives."""
        ordered = np.take(weights, self._positives, axis=1)
        negatives = np.zeros((len(weights), len(self._negatives) + 1))
        np.cumsum(np.take(weights, self._negatives, axis=1), axis=1, out=negatives[:, 1:])
        return np.add.reduceat(ordered, self._begun, axis=1), negatives


def _in_order(
    chosen: npt.NDArray[np.bool_], score: npt.NDArray[np.floating]
) -> npt.NDArray[np.intp]:
    rows = np.flatnonzero(chosen)
    return rows[np.argsort(score[rows], kind="stable")]
