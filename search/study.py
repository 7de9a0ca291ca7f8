"""The oracle of a search, with a journal of its trials and their outcomes."""

import copy
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras_tuner

from ..callbacks.monitor import Monitor
from ..core.errors import CheckpointError, message
from ..core.faults import fault_point
from ..core.run_layout import trial_name
from .journal import Journal
from .racing import expected_score, standard_error
from .trials import Outcome
from .tuning.oracles import is_score, may_be_continued

OWN = "tuner/"  # prefix of names that oracles use internally


@dataclass
class Trial:
    """A trial of a search.

    Attributes:
        number: Number in the order in which trials started, from 0.
        hyperparameters: Keras Tuner's hyperparameters, with the values of this trial.
        status: `"running"`, `"completed"` or `"failed"`.
        scores: The objective after each epoch.
        score: The best of `scores`. With folds, the mean of `fold_scores`, or an estimate
            of it if the trial was stopped by its rival.
        best_epoch: Epoch of the best score; with folds, the mean of `fold_epochs`.
        fold_scores: Best score of each trained fold; empty without folds.
        fold_epochs: Epochs of these scores.
        rival: Fold scores of the best trial when this one started.
        seconds: Training time.
        reason: Why it ended or failed.
    """

    number: int
    hyperparameters: keras_tuner.HyperParameters
    status: Literal["running", "completed", "failed"] = "running"
    scores: Sequence[float] = ()
    score: float | None = None
    best_epoch: int = 0
    fold_scores: Sequence[float] = ()
    fold_epochs: Sequence[int] = ()
    rival: Sequence[float] = ()
    seconds: float = 0.0
    reason: str = ""

    def __str__(self) -> str:
        """Returns the name, score and values."""
        score = self.status if self.score is None else f"{self.score:.4f}"
        values = " ".join(f"{name}={value}" for name, value in self.values.items())
        return f"{self.name}: {score} | {values}"

    @property
    def values(self) -> dict[str, Any]:
        """Values by name, without entries that the oracle uses internally."""
        found = self.hyperparameters.values.items()
        return {name: value for name, value in found if not name.startswith(OWN)}

    @property
    def name(self) -> str:
        """Name of its directory."""
        return trial_name(self.number)

    @property
    def standard_error(self) -> float | None:
        """Standard error of the mean over folds; None with fewer than two."""
        return None if len(self.fold_scores) < 2 else standard_error(self.fold_scores)

    @property
    def is_whole(self) -> bool:
        """Whether all folds were trained: no rival stopped it."""
        return len(self.fold_scores) >= len(self.rival)

    def note(self, name: str) -> Any:
        """Returns an internal entry of the oracle: `epochs`, or `trial_id` to continue."""
        return self.hyperparameters.values.get(f"{OWN}{name}")


class Study:
    """Gets trials from an oracle, and reports their outcomes to it.

    Args:
        oracle: A new oracle from `create_oracle`.
        objective: The metric that is the score.
        journal: The history, which is replayed.

    Attributes:
        trials: All trials that have started, by number.

    Raises:
        CheckpointError: The oracle now proposes something other than before.
    """

    def __init__(self, oracle: Any, objective: Monitor, journal: Journal) -> None:
        self.oracle = oracle
        self.objective = objective
        self.trials: dict[int, Trial] = {}
        self._journal = journal
        for event in journal.events:
            self._replay(event)
        self._left = [t for t in self.trials.values() if t.status == "running"]

    def ask(self, may_begin: Callable[[], bool] = lambda: True) -> Trial | None:
        """Returns the next trial, interrupted ones first; None if there is none now.

        Args:
            may_begin: Returns whether a new trial may start.
        """
        if self._left:
            return self._left.pop(0)
        if not may_begin():
            return None
        trial = self._create()
        if trial is not None:
            fault_point("before-trial-is-noted")
            trial.rival = self._rival_of(trial)
            noted = {"rival": list(trial.rival)} if trial.rival else {}
            values = trial.hyperparameters.values
            self._journal.add(event="begin", trial=trial.number, values=values, **noted)
        return trial

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Records the outcome of a trial."""
        fault_point("before-outcome-is-noted")
        self._end(trial, outcome)
        added = outcome.hyperparameters and {"hyperparameters": outcome.hyperparameters}
        self._journal.add(
            event="end",
            trial=trial.number,
            status=trial.status,
            scores=list(trial.scores),
            seconds=trial.seconds,
            reason=trial.reason,
            **_of_folds(trial),
            **(added or {}),
        )
        fault_point("after-outcome-is-noted")

    def ranking(self) -> list[Trial]:
        """Returns the completed trials, best first; those that lack folds come last."""
        done = [trial for trial in self.trials.values() if trial.score is not None]
        sign = 1 if self.objective.mode == "min" else -1
        return sorted(
            done, key=lambda t: (not t.is_whole, sign * (t.score or 0.0), t.number)
        )

    def may_be_continued(self) -> set[int]:
        """Returns the numbers of trials whose weights another trial may need."""
        return may_be_continued(self.oracle)

    def discard(self) -> None:
        """Discards the journal of a search without trials."""
        self._journal.discard()

    def _create(self) -> Trial | None:
        number = len(self.trials)
        hyperparameters = self.oracle.next_trial(trial_name(number))
        if hyperparameters is None:
            return None
        self.trials[number] = Trial(number, hyperparameters)
        return self.trials[number]

    def _rival_of(self, trial: Trial) -> Sequence[float]:
        """Returns fold scores of the best trial with all folds and as many epochs."""
        epochs = trial.note("epochs")
        for best in self.ranking():
            if best.is_whole and best.note("epochs") == epochs:
                return best.fold_scores
        return ()

    def _end(self, trial: Trial, outcome: Outcome) -> None:
        own = self.oracle.trials[self._trial_id(trial)]
        trial.scores = outcome.scores
        trial.fold_scores, trial.fold_epochs = outcome.fold_scores, outcome.fold_epochs
        trial.seconds, trial.reason = outcome.seconds, outcome.reason
        trial.status = "completed" if outcome.status == "completed" else "failed"
        numbers = _scores_by_epoch(trial)
        if trial.status == "completed" and not numbers:
            trial.status, trial.reason = "failed", f"{self.objective.name} is not a number"
        if outcome.hyperparameters:
            own.hyperparameters = keras_tuner.HyperParameters.from_config(
                copy.deepcopy(outcome.hyperparameters)  # it changes conditions in place
            )
            trial.hyperparameters = own.hyperparameters
        for epoch, score in numbers.items():
            self.oracle.update_trial(own.trial_id, {self.objective.name: score}, epoch)
        own.status, own.message = trial.status.upper(), trial.reason
        self.oracle.end_trial(own)
        if trial.status == "completed":
            trial.score, trial.best_epoch = float(own.score), int(own.best_step)

    def _replay(self, event: dict[str, Any]) -> None:
        number = event["trial"]
        if event["event"] == "end":
            outcome = Outcome(
                event["status"],
                event["scores"],
                event["seconds"],
                event["reason"],
                hyperparameters=event.get("hyperparameters"),
                fold_scores=event.get("fold_scores", ()),
                fold_epochs=event.get("fold_epochs", ()),
            )
            self._end(self.trials[number], outcome)
            return
        self.oracle.recorded = event["values"]
        trial = self._create()
        self.oracle.recorded = None
        if trial is None or trial.hyperparameters.values != event["values"]:
            raise CheckpointError(
                message(
                    "The search must be continued with the same version of Keras Tuner.",
                    "Install that one, or start a new search with another run_dir.",
                    trial=number,
                    then=event["values"],
                    now=trial and trial.hyperparameters.values,
                )
            )
        trial.rival = event.get("rival", ())

    def _trial_id(self, trial: Trial) -> str:
        return str(self.oracle.start_order[trial.number])


def _scores_by_epoch(trial: Trial) -> dict[int, float]:
    """Returns the scores for the oracle: one per epoch, or the expected one over folds."""
    if trial.fold_scores:
        epoch = round(statistics.fmean(trial.fold_epochs))
        return {epoch: expected_score(trial.fold_scores, trial.rival)}
    return {epoch: s for epoch, s in enumerate(trial.scores, 1) if is_score(s)}


def _of_folds(trial: Trial) -> dict[str, Any]:
    """Returns the journal entries of a trial over folds; empty for others."""
    if not trial.fold_scores:
        return {}
    return {"fold_scores": [*trial.fold_scores], "fold_epochs": [*trial.fold_epochs]}
