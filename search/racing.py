"""Racing: when a trial over folds can no longer win, and what it would have scored.

A trial is compared with its rival, the best trial that was whole when it began, over the
folds that both trained: the same images, so that what makes a fold hard cancels out. The
test is the corrected resampled t-test (Nadeau and Bengio, 2003, "Inference for the
generalization error"), one-sided: folds share most of their training images, so the
variance of the mean difference is `(1 / n + test / train)` times that of the differences,
where the plain t-test has `1 / n`. Racing by paired tests after each fold is that of Maron
and Moore (1994, "Hoeffding races").

Everything is a function of the scores alone, so that a search that goes on decides as
one that was never stopped.
"""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from scipy.special import stdtr

ALPHA = 0.05
FEWEST_FOLDS = 2
_ROUNDING = 1e-6  # of a score, which no difference is taken seriously below


def can_win(scores: Sequence[float], rival: Sequence[float], mode: str) -> bool:
    """Whether a trial may still be better than its rival when all folds are trained.

    It can, unless after two folds or more it is behind by more than one standard error of
    the rival's mean, and is so in the test at a level of 5 %. The former keeps what a
    tiny but constant difference, as small validation sets have, would throw out, and
    all that `choose: one_standard_error` may want.

    Args:
        scores: Of the folds so far.
        rival: Of all folds of the best trial; empty if there was none.
        mode: `"max"` if large scores are good, `"min"` if small ones are.

    Example:
        >>> can_win([0.50, 0.52], [0.90, 0.92, 0.91], "max")
        False
        >>> can_win([0.50], [0.90, 0.92, 0.91], "max")
        True
    """
    if not FEWEST_FOLDS <= len(scores) < len(rival):
        return True
    behind = -fmean(_advantages(scores, rival, mode))
    if behind <= max(standard_error(rival), _ROUNDING * abs(fmean(rival))):
        return True
    return p_value(scores, rival, mode) >= ALPHA


def p_value(scores: Sequence[float], rival: Sequence[float], mode: str) -> float:
    """How probable it is to be that far behind, if the trial is as good as its rival.

    Args:
        scores: Of two folds or more.
        rival: Of all folds of the other trial.
        mode: `"max"` if large scores are good, `"min"` if small ones are.

    Example:
        >>> round(p_value([0.50, 0.52], [0.90, 0.93, 0.91], "max"), 3)
        0.011
    """
    advantages = _advantages(scores, rival, mode)
    count = len(advantages)
    of_test_to_train = 1 / (len(rival) - 1)
    scale = math.sqrt(1 / count + of_test_to_train) * stdev(advantages)
    mean = fmean(advantages)
    if scale == 0:
        return 0.0 if mean < 0 else 1.0
    return float(stdtr(count - 1, mean / scale))


def expected_score(scores: Sequence[float], rival: Sequence[float] = ()) -> float:
    """The mean over folds; of a trial that was stopped, what it would have been.

    That is the rival's mean, and the mean difference over the folds that both trained.

    Example:
        >>> expected_score([0.7, 0.9])
        0.8
        >>> round(expected_score([0.6, 0.7], [0.7, 0.9, 0.8]), 3)
        0.65
    """
    if len(scores) >= len(rival):
        return fmean(scores)
    return fmean(rival) + fmean(_advantages(scores, rival, "max"))


def standard_error(scores: Sequence[float]) -> float:
    """Of the mean of two scores or more."""
    return stdev(scores) / math.sqrt(len(scores))


def _advantages(scores: Sequence[float], rival: Sequence[float], mode: str) -> list[float]:
    """By how much a trial is better, for each fold that both trained."""
    sign = 1 if mode == "max" else -1
    return [sign * (own - other) for own, other in zip(scores, rival, strict=False)]
