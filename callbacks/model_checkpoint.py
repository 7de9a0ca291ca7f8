"""Saves checkpoints, and keeps the best and the newest."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Unpack

from ..configs import validated
from ..configs.arguments import CALLBACK_ARGUMENTS, takes_settings
from ..configs.options import ModelCheckpointOptions
from ..configs.training_callbacks import ModelCheckpointConfig
from ..core.bundle import Bundle, write_bundle
from ..core.checked_files import write_checked_text
from ..core.checkpoints import only_names, remove_checkpoint, remove_soups
from ..core.errors import CheckpointError, ConfigError, message
from ..core.faults import fault_point
from ..core.run_layout import BEST_FILE, LAST_FILE, checkpoint_name
from ..models.checkpoint_weights import restore_best
from ..models.variables import (
    batch_norms,
    changing_variables,
    copy_values,
    frozen_variables,
)
from ..models.weight_soup import SoupRecipe
from .base import Callback
from .monitor import Monitor
from .run_state import RunState

NEWEST_KEPT = 2


class ModelCheckpoint(Callback):
    """Saves checkpoints in the run directory and keeps the best and the last.

    `checkpoints/best.txt` and `checkpoints/last.txt` name them. The newest two are kept, so
    that one remains if the other is damaged. Only checkpoints of this run are ever removed.

    Args:
        monitor: Metric that determines the best; by default `val_loss`, or `loss` without
            validation.
        **options: Same as `callbacks.model_checkpoint` in a configuration: `mode`,
            `save_top_k`, `save_last`, `every_n_epochs`, `every_n_steps`, `every_n_minutes`,
            `restore_best`, `soup`, `save_weights_only`, `save_on_exception`. See
            `docs/settings.md`.
        clock: Returns the time in seconds.

    Raises:
        ConfigError: The run has no directory, or there is no such metric.

    Example:
        >>> checkpoint = ModelCheckpoint("val_accuracy", save_top_k=3)
    """

    chief_only = True
    runs_last = True  # no other callback changes the restored weights
    saves_checkpoints = True
    writes_alone = f"{BEST_FILE} and {LAST_FILE}"

    @takes_settings(CALLBACK_ARGUMENTS["model_checkpoint"])
    def __init__(
        self,
        monitor: str | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        **options: Unpack[ModelCheckpointOptions],
    ) -> None:
        section = "callbacks.model_checkpoint"
        config = validated(ModelCheckpointConfig, section, monitor=monitor, **options)
        self._given_monitor = Monitor(monitor, config.mode) if monitor else None
        self.monitored_metrics = (monitor,) if monitor else ()
        self.save_top_k = config.save_top_k
        self.save_last = config.save_last
        self.every_n_epochs = config.every_n_epochs
        self.every_n_steps = config.every_n_steps
        self.every_n_minutes = config.every_n_minutes
        self.restore_best = config.restore_best
        self.soup = config.soup
        self.save_weights_only = config.save_weights_only
        self.save_on_exception = config.save_on_exception
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Clears the state of the previous fit."""
        self.monitor = self._given_monitor
        self.scores: dict[str, float] = {}
        self._saved: list[str] = []
        self._saved_at = self._clock()

    def on_fit_begin(self, run: RunState) -> None:
        """Checks that there is a directory for checkpoints."""
        if run.run_dir is None:
            raise ConfigError(
                message(
                    "ModelCheckpoint needs a run directory.",
                    "Give the Trainer a run_dir, or leave this callback out.",
                    run_dir=None,
                )
            )
        if self.monitor is None:
            self.monitor = Monitor("val_loss" if run.has_validation else "loss")
        run.monitor = self.monitor
        self._check_soup(run)

    def on_phase_begin(self, run: RunState) -> None:
        """Checks that later checkpoints can still be averaged into a soup."""
        self._check_soup(run)

    def on_train_step_end(self, run: RunState) -> None:
        """Requests a checkpoint within the epoch if one is due."""
        ends_epoch = run.epoch_step == run.steps_per_epoch
        if self._is_due() and not (ends_epoch and self._is_due_after(run.epoch + 1)):
            self._save(run)

    def on_validation_end(self, run: RunState) -> None:
        """Requests a checkpoint within an epoch if the model is among the best."""
        if run.training_metrics is None and self._monitor.name in run.metrics:
            self._rank_and_save(run)

    def on_epoch_end(self, run: RunState) -> None:
        """Requests a checkpoint if one is due or the epoch is among the best."""
        if self._is_due_after(run.epoch):
            self._rank_and_save(run)

    def on_checkpoint_saved(self, run: RunState, path: Path) -> None:
        """Records the best and the last checkpoint, and removes the others."""
        directory = path.parent
        best = [name for name in self._best_first() if (directory / name).exists()]
        fault_point("before-pointer")
        if best:
            write_checked_text(directory / BEST_FILE, best[0] + "\n")
            remove_soups(directory)  # of an earlier fit of this run
        if self.save_last:
            write_checked_text(directory / LAST_FILE, path.name + "\n")
        # A checkpoint that is only requested must not displace an existing one.
        end = self._saved.index(path.name) + 1 if path.name in self._saved else None
        written = self._saved[:end]
        newest = written[-NEWEST_KEPT:] if self.save_last else []
        removed = {*written, *self._resumed_checkpoint(run)} - {path.name, *best, *newest}
        for name in removed:
            remove_checkpoint(directory, name)
        self._saved = [name for name in self._saved if name not in removed]

    def on_fit_end(self, run: RunState) -> None:
        """Restores the best weights, or requests the mean of several checkpoints."""
        if self.restore_best:
            restore_best(run.model, run.checkpoint_dir)
        best = self._best_first()
        if self.soup is not None and best:
            monitor = self._monitor
            run.requested_soup = SoupRecipe(self.soup, best, monitor.name, monitor.mode)

    def on_exception(self, run: RunState, error: BaseException) -> None:
        """Requests a checkpoint after an error, if `save_on_exception` is set."""
        if self.save_on_exception and isinstance(error, Exception):
            self._saved.append(run.checkpoint_name)
            run.request_save()

    def state_dict(self) -> dict[str, Any]:
        """Returns the monitored metric, the values of the best checkpoints, and all names.

        `keraunos.core.best_epoch` also reads this state.
        """
        return {
            "monitor": self._monitor.name,
            "restore_best": self.restore_best,
            "scores": self.scores,
            "saved": self._saved,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the state of the saved run."""
        names = only_names(list(state["scores"]))
        self.scores = {name: state["scores"][name] for name in names}
        self._saved = only_names(state["saved"])

    def _check_soup(self, run: RunState) -> None:
        if self.soup is None:
            return
        if not run.has_validation:
            raise ConfigError(
                message(
                    "A soup is scored on validation data, but there is none.",
                    "Add validation data, or leave out `soup`.",
                    soup=self.soup,
                )
            )
        trained = [each.name for each in batch_norms(run.model) if each.trainable]
        if trained:
            raise ConfigError(
                message(
                    "The moving statistics of BatchNorm do not fit averaged weights: a "
                    "soup needs a model whose BatchNorm layers are frozen.",
                    "Leave out `soup`, or freeze these layers.",
                    trained=trained[:3],
                )
            )

    @property
    def _monitor(self) -> Monitor:
        if self.monitor is None:
            raise RuntimeError("on_fit_begin comes first")
        return self.monitor

    def _is_due(self) -> bool:
        """Returns whether a checkpoint within an epoch is due."""
        if self.every_n_minutes is None:
            return self.every_n_steps is not None
        return self._clock() - self._saved_at >= 60 * self.every_n_minutes

    def _is_due_after(self, epoch: int) -> bool:
        return epoch % self.every_n_epochs == 0

    def _rank_and_save(self, run: RunState) -> None:
        """Adds the model to the best if it is among them, and saves it if required."""
        name, value = self._name(run), self._monitor.measured(run)
        if value is not None:
            self.scores[name] = value
            self.scores = {kept: self.scores[kept] for kept in self._best_first()}
        if self.save_last or name in self.scores:
            self._save(run)

    def _save(self, run: RunState) -> None:
        # The name is added to the state now, so that the checkpoint itself contains it.
        if self._name(run) not in self._saved:
            self._saved.append(self._name(run))
        self._saved_at = self._clock()
        if self.save_weights_only:
            self.on_checkpoint_saved(run, self._write_weights(run))
        else:
            run.request_save()

    def _name(self, run: RunState) -> str:
        return checkpoint_name(run.step, run.is_within_epoch, self.save_weights_only)

    def _write_weights(self, run: RunState) -> Path:
        variables = changing_variables(run.model) | frozen_variables(run.model)
        with run.averages_in_model():
            weights = copy_values(variables)
        path = Path(run.checkpoint_dir or "") / self._name(run)
        remove_checkpoint(path.parent, path.name)  # left by a process that was killed
        try:
            write_bundle(path, Bundle({"weights": weights}))
        except OSError as error:
            raise CheckpointError(
                message(
                    f"Weights can't be saved ({error}).",
                    "Free some space or make the directory writable, and run the same "
                    "command again.",
                    path=str(path),
                )
            ) from error
        return path

    def _resumed_checkpoint(self, run: RunState) -> list[str]:
        """Returns the name of the checkpoint that the run was resumed from, if any."""
        return [] if run.resumed_from is None else [run.resumed_from.name]

    def _best_first(self) -> list[str]:
        sign = 1 if self._monitor.mode == "min" else -1
        finite = [name for name, score in self.scores.items() if score == score]
        return sorted(finite, key=lambda name: sign * self.scores[name])[: self.save_top_k]
