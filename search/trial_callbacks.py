"""What a search adds to the callbacks of its trials."""

from ..callbacks import Callback
from .trial_time import TrialTime


def trial_callbacks(max_seconds: float | None, spent: float = 0.0) -> dict[str, Callback]:
    """Callbacks of a trial, or of one of its folds, by label.

    Args:
        max_seconds: What the trial may take, all of its folds together.
        spent: What those before have taken.
    """
    return {} if max_seconds is None else {"trial_time": TrialTime(max_seconds, spent)}
