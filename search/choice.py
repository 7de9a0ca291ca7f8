"""Which trial of a search wins, and which trials keep their weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..configs.choices import TrialChoice
from .study import Trial

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """A rule by which one of several trials wins.

    `best` takes the best mean. `one_standard_error` takes the simplest of all trials whose
    mean is within one standard error, that of the best, of the best mean (Breiman,
    Friedman, Olshen and Stone, Classification and Regression Trees, 1984, section 3.4.3).
    The fewer epochs a trial needed to its best one, the simpler it is; of equally simple
    ones the earlier wins.

    Attributes:
        rule: Its name.
        mode: `"max"` if large scores are good, else `"min"`.

    Example:
        >>> scores = np.array([[0.70, 0.80, 0.90], [0.80, 0.80, 0.90], [0.1, 0.2, 0.3]])
        >>> epochs = np.array([3, 9, 1])
        >>> Choice("best", "max").row(scores, epochs)
        1
        >>> Choice("one_standard_error", "max").row(scores, epochs)
        0
    """

    rule: TrialChoice
    mode: str

    def of(self, ranking: Sequence[Trial]) -> Trial | None:
        """The winner; None if there are no trials.

        Args:
            ranking: The completed trials, the best first.
        """
        error = ranking[0].standard_error if ranking else None
        if self.rule == "best" or error is None:
            return ranking[0] if ranking else None
        return min((t for t in whole(ranking) if _gap(t, ranking[0]) <= error), key=_order)

    def may_win(self, ranking: Sequence[Trial]) -> list[Trial]:
        """The trials that win already, or may once others have ended.

        Whatever comes, a trial does not win if another is at least as good, and simpler:
        that one is within a standard error of the best whenever the first is.
        """
        if self.rule == "best":
            return list(ranking[:1])
        kept: list[Trial] = []
        for trial in whole(ranking):  # the best first
            if not kept or _order(trial) < _order(kept[-1]):
                kept.append(trial)
        return kept

    def order(self, ranking: Sequence[Trial]) -> list[Trial]:
        """The winner, and behind it the others, the best first."""
        winner = self.of(ranking)
        return sorted(ranking, key=lambda trial: trial is not winner)

    def row(self, scores: Floats, epochs: npt.NDArray[np.integer]) -> int:
        """The winner by a table of scores.

        Args:
            scores: `(trials, folds)`.
            epochs: `(trials,)` to the best epoch of each.
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
        count: How many: the winner, and the best of the others.
        choice: How the winner is chosen.
    """

    count: int
    choice: Choice

    def best(self, ranking: Sequence[Trial]) -> list[Trial]:
        """Those that would keep them if the search ended now."""
        return self.choice.order(whole(ranking))[: self.count]


def whole(ranking: Sequence[Trial]) -> list[Trial]:
    """The trials whose folds are all trained: as many as those of the best."""
    folds = len(ranking[0].fold_scores) if ranking else 0
    return [trial for trial in ranking if len(trial.fold_scores) == folds]


def _gap(trial: Trial, best: Trial) -> float:
    return abs((trial.score or 0.0) - (best.score or 0.0))


def _order(trial: Trial) -> tuple[int, int]:
    return trial.best_epoch, trial.number
