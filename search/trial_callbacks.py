"""What a search adds to the callbacks of its trials."""

from ..callbacks import Callback
from ..callbacks.monitor import Monitor
from ..configs import SearchConfig
from .trial_progress import ReportsProgress
from .trial_time import TrialTime


def trial_callbacks(
    config: SearchConfig, objective: Monitor, fold: int | None = None
) -> dict[str, Callback]:
    """Callbacks of a trial, or of one of its folds, by label.

    Args:
        config: What the search is asked for.
        objective: The metric that is the score.
        fold: Which fold it is, from 1 on; each has the same part of the trial's time.
    """
    added: dict[str, Callback] = {"trial_progress": ReportsProgress(objective, fold or 0)}
    seconds = config.max_seconds_per_trial
    if seconds is not None:
        parts = 1 if fold is None else config.folds or 1
        added["trial_time"] = TrialTime(seconds, parts)
    return added
