"""The callbacks that a search adds to its trials."""

from ..callbacks import Callback
from ..callbacks.monitor import Monitor
from ..configs import SearchConfig
from .trial_progress import ReportsProgress
from .trial_time import TrialTime


def trial_callbacks(
    config: SearchConfig, objective: Monitor, fold: int | None = None
) -> dict[str, Callback]:
    """Returns the callbacks of a trial, or of one of its folds, by label.

    Args:
        config: Settings of the search.
        objective: The metric that is the score.
        fold: Number of the fold, from 1; each has an equal share of the trial's time.
    """
    added: dict[str, Callback] = {"trial_progress": ReportsProgress(objective, fold or 0)}
    seconds = config.max_seconds_per_trial
    if seconds is not None:
        parts = 1 if fold is None else config.folds or 1
        added["trial_time"] = TrialTime(seconds, parts)
    return added
