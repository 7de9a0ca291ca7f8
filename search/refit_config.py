"""Creates the configuration that trains the winner of a search on all images."""

import math
import statistics
from typing import Any

from ..configs import RunConfig, callback_class, varied
from ..configs.refit_rules import RECONFIGURED
from .study import Trial

_LAST_EPOCH = {"monitor": None, "mode": "auto", "soup": None, "restore_best": False}


def epochs_to_refit(trial: Trial) -> int:
    """Returns the best epoch of a trial; of folds, the median with halves rounded up."""
    epochs = trial.fold_epochs or [trial.best_epoch]
    return max(math.floor(statistics.median(epochs) + 0.5), 1)


def refit_config(best: RunConfig, epochs: int) -> RunConfig:
    """Returns the configuration of a refit: the same training, without validation.

    There is no early stopping, the last epoch is kept, and the learning rate schedule keeps
    the length that it had in the trial.

    Args:
        best: Configuration from `best_config`.
        epochs: Number of epochs, from `epochs_to_refit`.
    """
    callbacks = dict(filter(None, map(_without_validation, best.callbacks.items())))
    own: dict[str, Any] = {
        "data.train_on_validation": True,
        "data.folds": None,
        "data.fold": None,
        "trainer.max_epochs": epochs,
        "trainer.max_steps": None,
    }
    schedule = best.optimizer.schedule
    if schedule is not None and schedule.ends_with_training:
        own["optimizer.schedule.epochs"] = best.trainer.max_epochs
    return varied(best.model_copy(update={"callbacks": callbacks}), own)


def _without_validation(
    entry: tuple[str, dict[str, Any] | None],
) -> tuple[str, dict[str, Any] | None] | None:
    """Adapts a callback entry for a refit; None if it is left out."""
    label, options = entry
    name = callback_class(label, options or {})[0]
    if options is None or name not in RECONFIGURED:
        return entry
    if name == "plateau_watch":
        return label, options | {"monitor": None, "mode": "auto"}
    return (label, options | _LAST_EPOCH) if name == "model_checkpoint" else None
