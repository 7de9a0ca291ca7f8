"""Stops training when a metric has stopped improving or has crossed a threshold."""

import math
from typing import Any, Unpack

from ..configs import validated
from ..configs.arguments import CALLBACK_ARGUMENTS, takes_settings
from ..configs.options import EarlyStoppingOptions
from ..configs.training_callbacks import EarlyStoppingConfig
from ..models.variables import Arrays, assign_values, changing_variables, copy_values
from .base import Callback
from .monitor import Monitor
from .run_state import RunState


class EarlyStopping(Callback):
    """Stops a fit once a metric has not improved for some epochs.

    Epochs without validation do not count if the metric is a validation metric.

    Args:
        monitor: Name of the metric.
        **options: Same as `callbacks.early_stopping` in a configuration: `patience`,
            `min_delta`, `mode`, `restore_best_weights`, `stopping_threshold`,
            `divergence_threshold`, `check_finite`. See `docs/settings.md`.

    Attributes:
        reason: Why it stopped the fit, or None.

    Raises:
        ConfigError: `mode` can't be derived from the name of the metric, or (in `fit`)
            there is no such metric.

    Example:
        >>> stopping = EarlyStopping("val_accuracy", patience=2)
    """

    @takes_settings(CALLBACK_ARGUMENTS["early_stopping"])
    def __init__(
        self, monitor: str = "val_loss", **options: Unpack[EarlyStoppingOptions]
    ) -> None:
        section = "callbacks.early_stopping"
        config = validated(EarlyStoppingConfig, section, monitor=monitor, **options)
        self.monitor = Monitor(config.monitor, config.mode, config.min_delta)
        self.patience = config.patience
        self.restore_best_weights = config.restore_best_weights
        self.stopping_threshold = config.stopping_threshold
        self.divergence_threshold = config.divergence_threshold
        self.check_finite = config.check_finite
        self.monitored_metrics = (self.monitor.name,)
        self.reset()

    def reset(self) -> None:
        """Clears the state of the previous fit."""
        self.best: float | None = None
        self.best_epoch = 0
        self.waited = 0
        self.reason: str | None = None
        self._best_weights: Arrays = {}

    def on_fit_begin(self, run: RunState) -> None:
        """Sets `run.monitor`, unless another callback has set it."""
        run.monitor = run.monitor or self.monitor

    def on_epoch_end(self, run: RunState) -> None:
        """Requests the end of training if a condition is met."""
        value = self.monitor.measured(run)
        if value is None:
            return
        if self.monitor.is_better(value, self.best):
            self.best, self.best_epoch, self.waited = value, run.epoch, 0
            if self.restore_best_weights:
                self._best_weights = copy_values(changing_variables(run.model))
        else:
            self.waited += 1
        self.reason = self._reason_to_stop(value)
        if self.reason is not None:
            run.request_stop(self.reason)
            run.report("early_stopping", self.reason)

    def on_phase_begin(self, run: RunState) -> None:
        """Restarts the patience, and adds newly trainable weights to the best weights."""
        self.waited = 0
        if self._best_weights:
            changing = changing_variables(run.model)
            new = {n: v for n, v in changing.items() if n not in self._best_weights}
            self._best_weights |= copy_values(new)

    def on_fit_end(self, run: RunState) -> None:
        """Restores the best weights."""
        if self._best_weights:
            assign_values(changing_variables(run.model), self._best_weights)

    def state_dict(self) -> dict[str, Any]:
        """Returns the best value, its epoch and weights, and the number of epochs since."""
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "waited": self.waited,
            "reason": self.reason,
            "best_weights": self._best_weights,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the state of the saved run."""
        self.best = state["best"]
        self.best_epoch = state["best_epoch"]
        self.waited = state["waited"]
        self.reason = state["reason"]
        self._best_weights = state["best_weights"]

    def _reason_to_stop(self, value: float) -> str | None:
        name, monitor = self.monitor.name, self.monitor
        good_enough, hopeless = self.stopping_threshold, self.divergence_threshold
        if self.check_finite and not math.isfinite(value):
            return f"{name} is {value}, which is not finite"
        if good_enough is not None and monitor.reaches(value, good_enough):
            return f"{name} is {value:.4g}, which is good enough ({good_enough:.4g})"
        if hopeless is not None and not monitor.reaches(value, hopeless):
            return f"{name} is {value:.4g}, which is worse than {hopeless:.4g}"
        if self.waited >= self.patience:
            epochs = f"{self.waited} epoch{'s' * (self.waited != 1)}"
            return (
                f"{name} has not improved for {epochs} "
                f"(best: {_format_score(self.best)} in epoch {self.best_epoch})"
            )
        return None


def _format_score(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"
