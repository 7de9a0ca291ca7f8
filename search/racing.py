"""Racing: stops a trial over folds that can no longer win, and estimates its score.

A trial is compared with its rival, the best trial with all folds when it began, over the
folds that both trained. The images are the same: the difficulty of a fold cancels. The
test is the corrected resampled t-test (Nadeau and Bengio, 2003, "Inference for the
generalization error"), one-sided: folds share most of their training images, so the
variance of the mean difference is `(1 / n + test / train)` times that of the differences,
where the plain t-test has `1 / n`. Racing by paired tests after each fold follows Maron
and Moore (1994, "Hoeffding races").

Everything is a function of the scores alone, so that a continued search decides like an
uninterrupted one.
"""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from scipy.special import stdtr

ALPHA = 0.05
MIN_FOLDS = 2
_ROUNDING = 1e-6  # of a score; smaller differences are ignored


def can_win(scores: Sequence[float], rival: Sequence[float], mode: str) -> bool:
    """Returns whether a trial may still beat its rival once all folds are trained.

    It can't if, after two folds or more, it is behind by more than one standard error of
    the rival's mean, and the test is significant at 5%. The first condition keeps trials
    with a tiny but constant difference, which is common with small validation sets, and
    all trials that `choose: one_standard_error` may choose.

    Args:
        scores: Scores of the folds so far.
        rival: Scores of all folds of the best trial; empty if there was none.
        mode: `"max"` if larger scores are better, `"min"` if smaller ones are.

    Example:
        >>> can_win([0.50, 0.52], [0.90, 0.92, 0.91], "max")
        False
        >>> can_win([0.50], [0.90, 0.92, 0.91], "max")
        True
    """
    if not MIN_FOLDS <= len(scores) < len(rival):
        return True
    behind = -fmean(_advantages(scores, rival, mode))
    if behind <= max(standard_error(rival), _ROUNDING * abs(fmean(rival))):
        return True
    return p_value(scores, rival, mode) >= ALPHA


def p_value(scores: Sequence[float], rival: Sequence[float], mode: str) -> float:
    """Computes the probability of being this far behind for a trial as good as its rival.

    Args:
        scores: Scores of two folds or more.
        rival: Scores of all folds of the other trial.
        mode: `"max"` if larger scores are better, `"min"` if smaller ones are.

    Example:
        >>> round(p_value([0.50, 0.52], [0.90, 0.93, 0.91], "max"), 3)
        0.006
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
    """Computes the mean over folds, or an estimate for a stopped trial.

    The estimate is the rival's mean plus the mean difference over the folds that both
    trained.

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
    """Computes the standard error of the mean of two or more scores."""
    return stdev(scores) / math.sqrt(len(scores))


def _advantages(scores: Sequence[float], rival: Sequence[float], mode: str) -> list[float]:
    """Computes how much better a trial is on each fold that both trained."""
    sign = 1 if mode == "max" else -1
    return [sign * (own - other) for own, other in zip(scores, rival, strict=False)]
