"""Finds the winning trial of a search and its corrected score."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..callbacks.monitor import Monitor
from ..configs.choices import TrialChoice
from ..core.files import write_json_atomic
from ..core.run_layout import CHOSEN_FILE
from .choice import Choice, whole
from .optimism import corrected_score
from .study import Trial


@dataclass(frozen=True)
class Winner:
    """The winning trial of a search.

    Attributes:
        trial: The trial.
        rule: The rule by which it was chosen.
        objective: Name of the metric that is the score.
        num_trials: Number of completed trials it was chosen from.
        corrected: Score corrected for selection (see `corrected_score`); None without
            folds.
    """

    trial: Trial
    rule: TrialChoice
    objective: str
    num_trials: int
    corrected: float | None = None

    @property
    def folds(self) -> int:
        """Number of folds; 0 without folds."""
        return len(self.trial.fold_scores)

    def as_json(self) -> dict[str, Any]:
        """Returns the content of chosen.json."""
        return {
            "trial": self.trial.name,
            "choose": self.rule,
            "objective": self.objective,
            "num_trials": self.num_trials,
            "score": self.trial.score,
            "standard_error": self.trial.standard_error,
            "fold_scores": list(self.trial.fold_scores),
            "corrected_score": self.corrected,
        }

    def lines(self) -> list[str]:
        """Describes the winner and its score in lines."""
        return [
            f"chosen: {self.trial.name}, {self._how()}",
            self._score(),
            *self._caution(),
        ]

    def _how(self) -> str:
        if self.num_trials == 1:
            return "the only one with a score"
        trials = f"{self.num_trials} trials"
        if self.rule == "best":
            return f"the best of {trials}"
        return f"the simplest of {trials} within one standard error of the best"

    def _score(self) -> str:
        score = f"{self.objective} {self.trial.score:.4f}"
        error = self.trial.standard_error
        if error is None:
            return f"score: {score} in epoch {self.trial.best_epoch}"
        return f"score: {score}, standard error {error:.4f} over {self.folds} folds"

    def _caution(self) -> list[str]:
        if self.num_trials < 2:
            return []
        if self.corrected is None:
            return [
                "this is optimistic, because the best of several scores on the same images "
                "is partly luck; search.folds corrects it"
            ]
        how = "each fold scored by the trial chosen on the others"
        if math.isclose(self.corrected, self.trial.score or 0.0):
            how = f"{how}, which is always this one"
        return [f"corrected for selection: {self.corrected:.4f} ({how})"]


def write_chosen(
    directory: Path, winner: Winner, outer_folds: Mapping[str, Any] | None = None
) -> None:
    """Writes chosen.json: the winner, and the scores of outer folds if there are any."""
    content = winner.as_json() | {"outer_folds": outer_folds}
    write_json_atomic(directory / CHOSEN_FILE, content)


def find_winner(
    ranking: Sequence[Trial], choice: Choice, objective: Monitor
) -> Winner | None:
    """Returns the winner of a search, or None if no trial completed.

    Args:
        ranking: The completed trials, best first.
        choice: The rule.
        objective: The metric that is the score.
    """
    trial = choice.of(ranking)
    if trial is None:
        return None
    corrected = None
    if len(trial.fold_scores) >= 2:
        rows = sorted(whole(ranking), key=lambda each: each.number)
        epochs = np.array([each.best_epoch for each in rows])
        scores = np.array([each.fold_scores for each in rows], np.float64)
        corrected = corrected_score(scores, lambda some: choice.row(some, epochs))
    return Winner(trial, choice.rule, objective.name, len(ranking), corrected)
