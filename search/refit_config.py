"""The configuration that trains the winner of a search on all images."""

import math
import statistics
from typing import Any

from ..configs import RunConfig, callback_class, varied
from ..configs.refit_rules import DO_WITHOUT
from .study import Trial

_LAST_EPOCH = {"monitor": None, "mode": "auto", "soup": None, "restore_best": False}


def epochs_to_refit(trial: Trial) -> int:
    """How many epochs a trial needed: to its best one, or the median over its folds.

    The median of an even number of folds is rounded, halves up.
    """
    epochs = trial.fold_epochs or [trial.best_epoch]
    return max(math.floor(statistics.median(epochs) + 0.5), 1)


def refit_config(best: RunConfig, epochs: int) -> RunConfig:
    """The same training for that many epochs, with nothing to validate on.

    Nothing stops early, the last epoch is what stays, and a schedule of the learning rate
    goes as far as it did in so many epochs of the trial.

    Args:
        best: As `best_config` made it.
        epochs: As `epochs_to_refit` has them.
    """
    callbacks = dict(filter(None, map(_without_validation, best.callbacks.items())))
    own: dict[str, Any] = {
        "data.validation_split": 0.0,
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
    """A callback as it is in a refit; None if there is none."""
    label, options = entry
    name = callback_class(label, options or {})[0]
    if options is None or name not in DO_WITHOUT:
        return entry
    if name == "plateau_watch":
        return label, options | {"monitor": None, "mode": "auto"}
    return (label, options | _LAST_EPOCH) if name == "model_checkpoint" else None
