"""Finds settings of a fit that rule out training on cached features."""

from ...configs import TrainerConfig


def obstacle_to_features(settings: TrainerConfig, has_phases: bool) -> str:
    """Returns why a fit can't train on cached features, or an empty string.

    Args:
        settings: Settings of the Trainer.
        has_phases: Whether a phase has unfrozen layers.
    """
    if settings.fast_dev_run:
        return "fast_dev_run uses one batch only"
    if settings.overfit_batches is not None:
        return "overfit_batches trains on the same few images repeatedly"
    return "more layers train in this phase" if has_phases else ""
