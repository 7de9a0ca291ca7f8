"""Reports that a metric no longer improves, without stopping training."""

from typing import Any, Unpack

from ..configs import validated
from ..configs.arguments import CALLBACK_ARGUMENTS, takes_settings
from ..configs.options import PlateauWatchOptions
from ..configs.watching_callbacks import PlateauWatchConfig
from .base import Callback
from .monitor import Monitor
from .run_state import RunState


class PlateauWatch(Callback):
    """Reports a plateau: `patience` epochs without an improvement of a metric.

    Each plateau is reported once; an improvement resets the count. Epochs without
    validation do not count if the metric is a validation metric.

    Args:
        **options: Same as `callbacks.plateau_watch` in a configuration: `monitor`,
            `patience`, `min_delta`, `mode`. See `docs/settings.md`.

    Raises:
        ConfigError: `mode` can't be derived from the name of the metric, or (in `fit`)
            there is no such metric.

    Example:
        >>> watch = PlateauWatch(monitor="val_accuracy", patience=3)
    """

    chief_only = True

    @takes_settings(CALLBACK_ARGUMENTS["plateau_watch"])
    def __init__(self, **options: Unpack[PlateauWatchOptions]) -> None:
        config = validated(PlateauWatchConfig, "callbacks.plateau_watch", **options)
        self.patience = config.patience
        self._min_delta = config.min_delta
        self._given = (
            Monitor(config.monitor, config.mode, config.min_delta)
            if config.monitor
            else None
        )
        self.monitored_metrics = (self._given.name,) if self._given else ()
        self.reset()

    def reset(self) -> None:
        """Clears the state of the previous fit."""
        self.best: float | None = None
        self.best_epoch = 0
        self.waited = 0

    def on_epoch_end(self, run: RunState) -> None:
        """Reports a plateau if the metric has not improved for `patience` epochs."""
        monitor = self._given or self._default_monitor(run)
        if monitor is None:
            return
        value = monitor.measured(run)
        if value is None:
            return
        if monitor.is_better(value, self.best):
            self.best, self.best_epoch, self.waited = value, run.epoch, 0
            return
        self.waited += 1
        if self.waited == self.patience:
            epochs = f"{self.waited} epoch{'s' * (self.waited != 1)}"
            run.report(
                "plateau",
                f"{monitor.name} has not improved for {epochs} "
                f"(best: {self.best:.4g} in epoch {self.best_epoch})"
                if self.best is not None
                else f"{monitor.name} was not a number for {epochs}",
            )

    def state_dict(self) -> dict[str, Any]:
        """Returns the best value so far, its epoch, and the number of epochs since."""
        return {"best": self.best, "best_epoch": self.best_epoch, "waited": self.waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the state of the saved run."""
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self.waited = state["waited"]

    def _default_monitor(self, run: RunState) -> Monitor | None:
        """Returns a monitor of the loss; None if the model reports no loss."""
        name = "val_loss" if run.has_validation else "loss"
        is_there = name in run.metrics or run.skipped_validation
        return Monitor(name, min_delta=self._min_delta) if is_there else None
