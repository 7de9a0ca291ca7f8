"""By how much the score of the best of many trials flatters it."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def corrected_score(scores: Floats, choose: Callable[[Floats], int]) -> float:
    """What the winner of a search would score on images that had no part in its choice.

    The best of many scores is partly the luckiest. Here the trial is chosen anew without
    each fold, by the same rule, and scored on that fold alone; the mean over folds is
    returned. That is the idea of BBC-CV (Tsamardinos, Greasidou and Borboudakis, Machine
    Learning 107, 2018, pages 1895-1922), which chooses on a bootstrap sample and scores on
    what that leaves out, with one fold left out in place of a bootstrap: of few folds a
    sample leaves out one or two, or none. No model is trained anew. The estimate is not
    optimistic, and a little pessimistic, as each choice has a fold less to go by.

    The correction of Tibshirani and Tibshirani (Annals of Applied Statistics 3, 2009)
    compares with the best of each single fold; where trials are alike it takes off too
    much with five folds or more, and too little with two or three.

    Args:
        scores: `(trials, folds)` of trials whose folds are all trained; two folds or more.
        choose: Returns the row that wins, given some of the columns.

    Example:
        >>> scores = np.array([[0.9, 0.5, 0.7], [0.6, 0.8, 0.6]])
        >>> round(corrected_score(scores, lambda some: int(some.mean(axis=1).argmax())), 3)
        0.567
    """
    folds = range(scores.shape[1])
    rows = [choose(np.delete(scores, fold, axis=1)) for fold in folds]
    return float(scores[rows, folds].mean())
