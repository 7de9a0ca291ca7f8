"""What a search adds to the callbacks of its trials."""

from ..callbacks import Callback
from .trial_time import TrialTime


def trial_callbacks(
    max_seconds: float | None, folds: int | None = None
) -> dict[str, Callback]:
    """Callbacks of a trial, or of one of its folds, by label.

    Args:
        max_seconds: What the trial may take; each of its folds has an equal share.
        folds: How many there are.
    """
    if max_seconds is None:
        return {}
    of_others = max_seconds * (1 - 1 / (folds or 1))
    return {"trial_time": TrialTime(max_seconds, of_others)}
