"""Corrects the selection bias of the best of many trials."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def corrected_score(scores: Floats, choose: Callable[[Floats], int]) -> float:
    """Estimates the score of the winner on images that had no part in its selection.

    The best of many scores is partly the luckiest. For each fold, a trial is chosen on the
    other folds, by the same rule, and scored on this one; the mean over folds is returned.
    This is the idea of BBC-CV (Tsamardinos, Greasidou and Borboudakis, Machine Learning
    107, 2018, pages 1895-1922), which chooses on a bootstrap sample and scores on the rest.
    Leaving out one fold replaces the bootstrap because a sample of few folds leaves out one
    or two, or none. No model is retrained. The estimate is not optimistic, and slightly
    pessimistic, because each choice is based on one fold less.

    The correction of Tibshirani and Tibshirani (Annals of Applied Statistics 3, 2009)
    compares with the best trial of each single fold. If trials are alike, it subtracts too
    much with five folds or more, and too little with two or three.

    Args:
        scores: Scores of trials with all folds, `(trials, folds)`; two folds or more.
        choose: Returns the row of the winner, given a subset of the columns.

    Example:
        >>> scores = np.array([[0.9, 0.5, 0.7], [0.6, 0.8, 0.6]])
        >>> round(corrected_score(scores, lambda some: int(some.mean(axis=1).argmax())), 3)
        0.6
    """
    folds = range(scores.shape[1])
    rows = [choose(np.delete(scores, fold, axis=1)) for fold in folds]
    return float(scores[rows, folds].mean())
