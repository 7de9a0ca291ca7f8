"""Creates the configurations of a trial and of the best trial."""

from collections.abc import Mapping
from typing import Any

from ..callbacks.monitor import Monitor
from ..configs import RunConfig, callback_class, varied
from ..configs.watching_callbacks import reaches_outside

# Output that is not useful for every trial.
_QUIET: dict[str, dict[str, Any] | None] = {
    "progress_bar": None,
    "figures": None,
    "tensorboard": {"images": False},
}


def best_config(
    config: RunConfig, values: Mapping[str, Any], objective: Monitor, max_epochs: int | None
) -> RunConfig:
    """Returns the configuration that repeats a trial with `keraunos fit`.

    Early stopping and checkpoints monitor the objective, unless the configuration sets
    another metric.

    Args:
        config: Configuration of the search.
        values: Values of the trial, by dotted setting.
        objective: The metric that is the score.
        max_epochs: Number of epochs, if set by the oracle.
    """
    watched = {"monitor": objective.name, "mode": objective.mode}
    callbacks = {"early_stopping": watched} | config.callbacks
    checkpoint = callbacks.pop("model_checkpoint", {})
    if checkpoint is not None and "monitor" not in checkpoint:
        checkpoint = checkpoint | watched
    callbacks["model_checkpoint"] = checkpoint  # last, so that its best weights remain
    watching = config.model_copy(update={"callbacks": callbacks, "run_dir": None})
    chosen = varied(watching, values)
    return chosen if max_epochs is None else _shortened(chosen, max_epochs)


def _shortened(config: RunConfig, max_epochs: int) -> RunConfig:
    """Returns the same training up to an epoch, from which another trial can continue."""
    own: dict[str, Any] = {"trainer.max_epochs": max_epochs}
    schedule = config.optimizer.schedule
    if schedule is not None and schedule.ends_with_training:
        own["optimizer.schedule.epochs"] = config.trainer.max_epochs
    return varied(config, own)


def trial_config(
    config: RunConfig, values: Mapping[str, Any], objective: Monitor, max_epochs: int | None
) -> RunConfig:
    """Returns the configuration of a trial: `best_config` with less output."""
    best = unsent(best_config(config, values, objective, max_epochs))
    return best.model_copy(update={"callbacks": _QUIET | best.callbacks})


def without_alerts(config: RunConfig) -> RunConfig:
    """Returns the configuration without alerts, which the search sends itself."""
    own = {
        label: None if callback_class(label, options or {})[0] == "alerts" else options
        for label, options in config.callbacks.items()
    }
    return config.model_copy(update={"callbacks": own})


def unsent(config: RunConfig) -> RunConfig:
    """Returns the configuration without callbacks that send or write elsewhere."""
    own = {label: _kept(label, options) for label, options in config.callbacks.items()}
    return config.model_copy(update={"callbacks": own})


def _kept(label: str, options: dict[str, Any] | None) -> dict[str, Any] | None:
    """Returns the options of a callback; None if it would send messages from each trial."""
    name, arguments = callback_class(label, options or {})
    if options is None or not reaches_outside(name, arguments):
        return options
    return {**options, "file": None} if name == "heartbeat" else None


def config_of_fold(config: RunConfig, fold: int) -> RunConfig:
    """Returns the configuration of a fold of a trial, counted from 1."""
    divided = {"folds": config.search.folds, "fold": fold}
    data = config.data.model_copy(update=divided)
    return config.model_copy(update={"data": data})
