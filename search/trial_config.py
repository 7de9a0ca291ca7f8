"""The configuration of a trial, and that of the best one."""

from collections.abc import Mapping
from typing import Any

from ..callbacks.monitor import Monitor
from ..configs import RunConfig, callback_class, varied
from ..configs.watching_callbacks import reaches_outside

# What would be written again and again, and nobody looks at.
_QUIET: dict[str, dict[str, Any] | None] = {
    "progress_bar": None,
    "pictures": None,
    "tensorboard": {"pictures": False},
}


def best_config(
    config: RunConfig, values: Mapping[str, Any], objective: Monitor, max_epochs: int | None
) -> RunConfig:
    """The configuration that trains as a trial did: for `keraunos fit`.

    Early stopping watches the objective, unless the configuration has one, and so do the
    checkpoints.

    Args:
        config: That of the search.
        values: The trial's, by dotted setting.
        objective: What the search looks at.
        max_epochs: If the oracle decided on it.
    """
    watched = {"monitor": objective.name, "mode": objective.mode}
    callbacks = {"early_stopping": watched} | config.callbacks
    checkpoint = callbacks.pop("model_checkpoint", {})
    if checkpoint is not None and "monitor" not in checkpoint:
        checkpoint = checkpoint | watched
    callbacks["model_checkpoint"] = checkpoint  # last: its best weights are to stay
    watching = config.model_copy(update={"callbacks": callbacks, "run_dir": None})
    chosen = varied(watching, values)
    return chosen if max_epochs is None else _cut_short(chosen, max_epochs)


def _cut_short(config: RunConfig, max_epochs: int) -> RunConfig:
    """The same training up to an epoch, from which another trial can go on."""
    own: dict[str, Any] = {"trainer.max_epochs": max_epochs}
    schedule = config.optimizer.schedule
    if schedule is not None and schedule.ends_with_training:
        own["optimizer.schedule.epochs"] = config.trainer.max_epochs
    return varied(config, own)


def trial_config(
    config: RunConfig, values: Mapping[str, Any], objective: Monitor, max_epochs: int | None
) -> RunConfig:
    """The configuration of a trial: as `best_config`, without bar and pictures."""
    best = unsent(best_config(config, values, objective, max_epochs))
    return best.model_copy(update={"callbacks": _QUIET | best.callbacks})


def unsent(config: RunConfig) -> RunConfig:
    """The configuration of one of many runs, none of which sends or writes elsewhere."""
    own = {label: _kept(label, options) for label, options in config.callbacks.items()}
    return config.model_copy(update={"callbacks": own})


def _kept(label: str, options: dict[str, Any] | None) -> dict[str, Any] | None:
    """The options of a callback, or None for one that sends: trials would do so at once."""
    name, arguments = callback_class(label, options or {})
    if options is None or not reaches_outside(name, arguments):
        return options
    return {**options, "file": None} if name == "heartbeat" else None


def config_of_fold(config: RunConfig, fold: int) -> RunConfig:
    """The configuration of one of the folds of a trial, counted from 1."""
    divided = {"folds": config.search.folds, "fold": fold}
    data = config.data.model_copy(update=divided)
    return config.model_copy(update={"data": data})
