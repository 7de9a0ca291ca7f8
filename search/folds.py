"""Trains a trial over folds, one run per fold, until it can no longer win.

The outcomes of finished folds are stored in a file, so that a resumed trial does not train
them again.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

from ..callbacks.event_files import remove_events
from ..callbacks.monitor import Monitor
from ..core.checked_files import is_absent, read_checked_json, write_checked_json
from ..core.errors import CheckpointError, message
from ..core.faults import fault_point
from ..core.removal import remove_unfinished, unfinished
from ..core.run_layout import FOLD, FOLD_OUTCOMES_FILE, TENSORBOARD_FOLDER, fold_name
from ..trainer.checkpoint.run_directory import claimed_directory
from .cluster.messages import outcome_to_json, read_outcome
from .racing import can_win, p_value
from .runs import is_exportable
from .trials import FitTrial, Outcome, TrialPlan, run_trial
from .tuning.oracles import is_score

# Copies of the folds of another trial, and the file of outcomes.
_UNFINISHED = unfinished(FOLD.pattern, re.escape(FOLD_OUTCOMES_FILE))


@dataclass(frozen=True)
class FoldedTrial:
    """Trains a trial as several runs: `fold-1` and so on in its directory.

    Attributes:
        fit: Trains one fold, given by `TrialPlan.fold`.
        folds: Number of folds.
        objective: The metric that is the score.
        prepare: Called before the first fold of each trial. Rejects data that can't be
            split into these folds, and returns their fingerprint.
    """

    fit: FitTrial
    folds: int
    objective: Monitor = field(repr=False)
    prepare: Callable[[], str]

    def __call__(self, plan: TrialPlan) -> Outcome:
        """Trains or exports the folds that are not finished yet."""
        division = self.prepare()
        with claimed_directory(plan.directory):
            remove_unfinished(plan.directory, _UNFINISHED)
            if plan.export:
                return self._export(plan)
            return self._train(plan, _FinishedFolds(plan.directory, division))

    def _train(self, plan: TrialPlan, finished: "_FinishedFolds") -> Outcome:
        while self._has_next(plan, finished.outcomes):
            number = len(finished.outcomes) + 1
            outcome = self._train_one(_fold_of(plan, number))
            if outcome.status != "completed":
                return outcome
            finished.add(outcome)
        return self._combined(plan, finished.outcomes)

    def _has_next(self, plan: TrialPlan, outcomes: Sequence[Outcome]) -> bool:
        scores = [self._best(outcome)[1] for outcome in outcomes]
        is_whole = len(scores) == self.folds
        return not is_whole and can_win(scores, plan.rival, self.objective.mode)

    def _train_one(self, plan: TrialPlan) -> Outcome:
        """Trains a fold; any outcome except completed is also that of the trial."""
        outcome = run_trial(self.fit, plan, self.objective.name)
        if outcome.status == "completed" and not any(map(is_score, outcome.scores)):
            reason = f"{self.objective.name} is not a number"
            outcome = replace(outcome, status="failed", reason=reason)
        if outcome.status == "failed":
            return replace(outcome, reason=f"fold {plan.fold}: {outcome.reason}")
        # On the HParams dashboard the trial is one session, not each of its folds.
        remove_events(plan.directory / TENSORBOARD_FOLDER)
        return outcome

    def _best(self, outcome: Outcome) -> tuple[int, float]:
        """Returns the best epoch of a fold, the first of equals, and its score."""
        sign = -1 if self.objective.mode == "max" else 1
        numbers = [(e, s) for e, s in enumerate(outcome.scores, 1) if is_score(s)]
        return min(numbers, key=lambda number: sign * number[1])

    def _combined(self, plan: TrialPlan, outcomes: Sequence[Outcome]) -> Outcome:
        best = [self._best(outcome) for outcome in outcomes]
        scores = [score for _, score in best]
        reason = outcomes[-1].reason
        if len(outcomes) < self.folds:
            probability = p_value(scores, plan.rival, self.objective.mode)
            reason = (
                f"stopped after {len(outcomes)} of {self.folds} folds, because it can no "
                f"longer win (p = {probability:.2g})"
            )
        return Outcome(
            "completed",
            _means([outcome.scores for outcome in outcomes]),
            sum(outcome.seconds for outcome in outcomes),
            reason,
            hyperparameters=next(filter(None, (o.hyperparameters for o in outcomes)), None),
            fold_scores=scores,
            fold_epochs=[epoch for epoch, _ in best],
        )

    def _export(self, plan: TrialPlan) -> Outcome:
        for number in range(1, self.folds + 1):
            fold = _fold_of(plan, number)
            if is_exportable(fold.directory):
                outcome = run_trial(self.fit, fold, self.objective.name)
                if outcome.status != "completed":
                    return replace(outcome, reason=f"fold {number}: {outcome.reason}")
        return Outcome("completed")


class _FinishedFolds:
    """The outcomes of finished folds, stored in a file of the trial.

    Args:
        directory: Directory of the trial.
        division: Fingerprint of the folds.

    Attributes:
        outcomes: Outcomes of folds 1, 2, ...

    Raises:
        CheckpointError: The file is damaged, or belongs to other folds.
    """

    def __init__(self, directory: Path, division: str) -> None:
        self._path = directory / FOLD_OUTCOMES_FILE
        self._division = division
        self.outcomes: list[Outcome] = []
        if not is_absent(self._path):
            self.outcomes = self._read()

    def add(self, outcome: Outcome) -> None:
        """Adds an outcome; it is on disk when this returns."""
        fault_point("before-fold-is-noted")
        self.outcomes.append(outcome)
        texts = [outcome_to_json(each) for each in self.outcomes]
        try:
            write_checked_json(self._path, {"division": self._division, "outcomes": texts})
        except OSError as error:
            raise CheckpointError(
                message(
                    f"The outcome of a fold must be written ({error.strerror}).",
                    "Free some space, and run the same command again to continue.",
                    file=str(self._path),
                )
            ) from None
        fault_point("after-fold-is-noted")

    def _read(self) -> list[Outcome]:
        remedy = "Restore it from a copy, or start a new search with another run_dir."
        content = read_checked_json(self._path, remedy)
        try:
            division, texts = content["division"], content["outcomes"]
            outcomes = [read_outcome(text) for text in texts]
        except (ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                message(f"The outcomes of folds must be readable ({error}).", remedy,
                        file=str(self._path))
            ) from None  # fmt: skip
        if division != self._division:
            raise CheckpointError(
                message(
                    "A trial must resume with the same folds, but images, labels or groups "
                    "have changed since.",
                    "Restore them, or start a new search with another run_dir.",
                    trial=self._path.parent.name,
                )
            )
        return outcomes


def _fold_of(plan: TrialPlan, number: int) -> TrialPlan:
    name = fold_name(number)
    continues = plan.continues and plan.continues / name
    return replace(plan, directory=plan.directory / name, continues=continues, fold=number)


def _means(scores: Sequence[Sequence[float]]) -> list[float]:
    """Computes the mean score after each epoch over the folds that reached it."""
    means = []
    for epoch in range(max(map(len, scores))):
        here = [each[epoch] for each in scores if len(each) > epoch]
        numbers = [score for score in here if is_score(score)]
        means.append(fmean(numbers) if numbers else math.nan)
    return means
