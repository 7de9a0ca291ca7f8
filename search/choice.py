"""Chooses the winner of a search, and the trials that keep their weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..configs.choices import TrialChoice
from .study import Trial

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """The rule by which a trial wins.

    `best` chooses the best mean. `one_standard_error` chooses the simplest trial whose mean
    is within one standard error (of the best trial) of the best mean (Breiman, Friedman,
    Olshen and Stone, Classification and Regression Trees, 1984, section 3.4.3). The
    simplest trial needed the fewest epochs up to its best one; ties go to the earlier
    trial.

    Attributes:
        rule: Name of the rule.
        mode: `"max"` if larger scores are better, otherwise `"min"`.

    Example:
        >>> scores = np.array([[0.74, 0.80, 0.90], [0.80, 0.80, 0.90], [0.1, 0.2, 0.3]])
        >>> epochs = np.array([3, 9, 1])
        >>> Choice("best", "max").row(scores, epochs)
        1
        >>> Choice("one_standard_error", "max").row(scores, epochs)
        0
    """

    rule: TrialChoice
    mode: str

    def of(self, ranking: Sequence[Trial]) -> Trial | None:
        """Returns the winner, or None if there are no trials.

        Args:
            ranking: The completed trials, best first.
        """
        error = ranking[0].standard_error if ranking else None
        if self.rule == "best" or error is None:
            return ranking[0] if ranking else None
        return min((t for t in whole(ranking) if _gap(t, ranking[0]) <= error), key=_order)

    def may_win(self, ranking: Sequence[Trial]) -> list[Trial]:
        """Returns the trials that win now, or may win once others have ended.

        A trial can't win if another is simpler and at least as good, since the latter is
        within a standard error of the best whenever the former is.
        """
        if self.rule == "best":
            return list(ranking[:1])
        kept: list[Trial] = []
        for trial in whole(ranking):  # the best first
            if not kept or _order(trial) < _order(kept[-1]):
                kept.append(trial)
        return kept

    def order(self, ranking: Sequence[Trial]) -> list[Trial]:
        """Returns the winner, then the others, best first."""
        winner = self.of(ranking)
        return sorted(ranking, key=lambda trial: trial is not winner)

    def row(self, scores: Floats, epochs: npt.NDArray[np.integer]) -> int:
        """Returns the row of the winner in a table of scores.

        Args:
            scores: Score of each fold, `(trials, folds)`.
            epochs: Best epoch of each trial, `(trials,)`.
        """
        means = scores.mean(axis=1)
        best = int(means.argmax() if self.mode == "max" else means.argmin())
        folds = scores.shape[1]
        if self.rule == "best" or folds < 2:
            return best
        error = scores[best].std(ddof=1) / np.sqrt(folds)
        near = np.flatnonzero(np.abs(means - means[best]) <= error)
        return int(near[epochs[near].argmin()])


@dataclass(frozen=True)
class Keep:
    """Which trials of a search keep their weights.

    Attributes:
        count: Number of trials: the winner, and the best of the others.
        choice: Rule that determines the winner.
        refits: Whether the winner is trained again after the search, in another run.
    """

    count: int
    choice: Choice
    refits: bool = False

    def best(self, ranking: Sequence[Trial]) -> list[Trial]:
        """Returns the trials that would keep weights if the search ended now."""
        return self.choice.order(whole(ranking))[: self.count]


def whole(ranking: Sequence[Trial]) -> list[Trial]:
    """Returns the trials with as many folds as the best one."""
    folds = len(ranking[0].fold_scores) if ranking else 0
    return [trial for trial in ranking if len(trial.fold_scores) == folds]


def _gap(trial: Trial, best: Trial) -> float:
    return abs((trial.score or 0.0) - (best.score or 0.0))


def _order(trial: Trial) -> tuple[int, int]:
    return trial.best_epoch, trial.number
