"""Stops when a metric no longer improves."""

from typing import Any

from ..configs import validated
from ..configs.callbacks import EarlyStoppingConfig
from ..models.variables import Arrays, assign_values, changing_variables, copy_values
from .base import Callback
from .monitor import Mode, Monitor
from .run_state import RunState


class EarlyStopping(Callback):
    """Stops a fit once a metric has not improved for some epochs.

    Args:
        monitor: Name of the metric.
        patience: Epochs without improvement after which to stop.
        min_delta: By how much a value must be better to count as improvement.
        mode: Whether `"min"` or `"max"` is good; `"auto"` tells by the name.
        restore_best_weights: Whether the model ends with the weights of its best
            epoch.

    Raises:
        ConfigError: `mode` is needed, or (at the first epoch's end) there is no such
            metric.

    Example:
        >>> stopping = EarlyStopping("val_accuracy", patience=2)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 3,
        min_delta: float = 0.0,
        mode: Mode = "auto",
        restore_best_weights: bool = True,
    ) -> None:
        validated(
            EarlyStoppingConfig,
            "callbacks.early_stopping",
            monitor=monitor,
            patience=patience,
            min_delta=min_delta,
            mode=mode,
            restore_best_weights=restore_best_weights,
        )
        self.monitor = Monitor(monitor, mode, min_delta)
        self.patience = patience
        self.restore_best_weights = restore_best_weights
        self.reset()

    def reset(self) -> None:
        """Forgets the last fit."""
        self.best: float | None = None
        self.best_epoch = 0
        self.waited = 0
        self._best_weights: Arrays = {}

    def on_epoch_end(self, run: RunState) -> None:
        """Looks at the metric."""
        value = self.monitor.value(run.metrics)
        if self.monitor.is_better(value, self.best):
            self.best, self.best_epoch, self.waited = value, run.epoch, 0
            if self.restore_best_weights:
                self._best_weights = copy_values(changing_variables(run.model))
            return
        self.waited += 1
        if self.waited >= self.patience:
            run.request_stop(
                f"{self.monitor.name} has not improved for {self.waited} epochs "
                f"(best: {self.best} in epoch {self.best_epoch})"
            )

    def on_fit_end(self, run: RunState) -> None:
        """Puts the best weights back."""
        if self._best_weights:
            assign_values(changing_variables(run.model), self._best_weights)

    def state_dict(self) -> dict[str, Any]:
        """The best value so far, its epoch and weights, and how long ago that was."""
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "waited": self.waited,
            "best_weights": self._best_weights,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on counting where the saved run stood."""
        self.best = state["best"]
        self.best_epoch = state["best_epoch"]
        self.waited = state["waited"]
        self._best_weights = state["best_weights"]
