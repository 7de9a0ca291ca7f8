"""Why a fit can't train on cached features, whatever it trains on what."""

from ...configs import TrainerConfig


def obstacle_to_features(settings: TrainerConfig, has_phases: bool) -> str:
    """Returns the reason, empty if there is none.

    Args:
        settings: Of the Trainer.
        has_phases: Whether more of the model trains by now than in the beginning.
    """
    if settings.fast_dev_run:
        return "fast_dev_run uses one batch only"
    if settings.overfit_batches is not None:
        return "overfit_batches trains on the same few images repeatedly"
    return "more layers train in this phase" if has_phases else ""
