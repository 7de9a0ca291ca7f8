"""Reports the progress of a trial."""

import math

from ..callbacks import Callback
from ..callbacks.monitor import Monitor
from ..callbacks.run_state import RunState
from .progress import TrialProgress, report


class ReportsProgress(Callback):
    """Reports the progress of a trial after each epoch.

    Args:
        objective: The metric that is the score.
        fold: Number of the fold, from 1; 0 without folds.
    """

    def __init__(self, objective: Monitor, fold: int = 0) -> None:
        self._objective = objective
        self._fold = fold
        self.monitored_metrics = (objective.name,)

    def on_fit_begin(self, run: RunState) -> None:
        """Reports the initial progress."""
        self._report(run)

    def on_epoch_end(self, run: RunState) -> None:
        """Reports the finished epoch."""
        self._report(run)

    def _report(self, run: RunState) -> None:
        report(TrialProgress(run.epoch, run.max_epochs, self._best(run), self._fold))

    def _best(self, run: RunState) -> float | None:
        scores = map(float, run.history.get(self._objective.name, ()))
        numbers = [score for score in scores if math.isfinite(score)]
        choose = min if self._objective.mode == "min" else max
        return choose(numbers, default=None)
