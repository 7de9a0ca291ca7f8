"""Decides when to save, which checkpoints stay, and which is the best."""

import shutil
from pathlib import Path
from typing import Any

from ..configs import validated
from ..configs.callbacks import ModelCheckpointConfig
from ..core.bundle import read_bundle
from ..core.errors import ConfigError, message
from ..core.files import write_text_atomic
from ..models.variables import assign_values, changing_variables
from .base import Callback
from .monitor import Mode, Monitor
from .run_state import RunState

BEST, LAST = "best.txt", "last.txt"


class ModelCheckpoint(Callback):
    """Saves checkpoints into the run directory and keeps the best and the last.

    `checkpoints/best.txt` and `checkpoints/last.txt` name them. Only checkpoints that
    this callback saved are ever removed.

    Args:
        monitor: Metric that tells the best; by default `val_loss`, or `loss` where
            there is no validation.
        mode: Whether `"min"` or `"max"` is good; `"auto"` tells by the name.
        save_top_k: How many of the best to keep.
        save_last: Whether to keep the newest as well.
        every_n_epochs: Epochs between checkpoints.
        restore_best: Whether the model ends with the weights of the best checkpoint.

    Raises:
        ConfigError: The run has no directory, or there is no such metric.

    Example:
        >>> checkpoint = ModelCheckpoint("val_accuracy", save_top_k=3)
    """

    def __init__(
        self,
        monitor: str | None = None,
        mode: Mode = "auto",
        save_top_k: int = 1,
        save_last: bool = True,
        every_n_epochs: int = 1,
        restore_best: bool = True,
    ) -> None:
        validated(
            ModelCheckpointConfig,
            "callbacks.model_checkpoint",
            monitor=monitor,
            mode=mode,
            save_top_k=save_top_k,
            save_last=save_last,
            every_n_epochs=every_n_epochs,
            restore_best=restore_best,
        )
        self._given_monitor = Monitor(monitor, mode) if monitor else None
        self.save_top_k = save_top_k
        self.save_last = save_last
        self.every_n_epochs = every_n_epochs
        self.restore_best = restore_best
        self.reset()

    def reset(self) -> None:
        """Forgets the last fit."""
        self.monitor = self._given_monitor
        self.scores: dict[str, float] = {}
        self._saved: set[str] = set()

    def on_fit_begin(self, run: RunState) -> None:
        """Makes sure that there is a place for checkpoints."""
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

    def on_epoch_end(self, run: RunState) -> None:
        """Asks for a checkpoint if this epoch is due or among the best."""
        if run.epoch % self.every_n_epochs:
            return
        name = checkpoint_name(run.step)
        self.scores[name] = self._monitor.value(run.metrics)
        self.scores = {kept: self.scores[kept] for kept in self._best_first()}
        if self.save_last or name in self.scores:
            self._saved.add(name)  # now, so that the checkpoint's own state names it
            run.request_save()

    def on_checkpoint_saved(self, run: RunState, path: Path) -> None:
        """Names the best and the last, and removes what is neither."""
        keep = {name for name in self._best_first() if (path.parent / name).exists()}
        if self.scores:
            write_text_atomic(path.parent / BEST, self._best_first()[0] + "\n")
        if self.save_last:
            write_text_atomic(path.parent / LAST, path.name + "\n")
            keep.add(path.name)
        for name in self._saved - keep:
            shutil.rmtree(path.parent / name, ignore_errors=True)
        self._saved &= keep

    def on_fit_end(self, run: RunState) -> None:
        """Puts the best weights back into the model."""
        best = best_checkpoint(run.checkpoint_dir)
        if self.restore_best and best is not None:
            weights = read_bundle(best).arrays["weights"]
            assign_values(changing_variables(run.model), weights)

    def state_dict(self) -> dict[str, Any]:
        """The best checkpoints with their values, and what was saved."""
        return {"scores": self.scores, "saved": sorted(self._saved)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where the saved run stood."""
        self.scores = state["scores"]
        self._saved = set(state["saved"])

    @property
    def _monitor(self) -> Monitor:
        if self.monitor is None:
            raise RuntimeError("on_fit_begin comes first")
        return self.monitor

    def _best_first(self) -> list[str]:
        sign = 1 if self._monitor.mode == "min" else -1
        finite = [name for name, score in self.scores.items() if score == score]
        return sorted(finite, key=lambda name: sign * self.scores[name])[: self.save_top_k]


def checkpoint_name(step: int) -> str:
    """Directory name of the checkpoint after `step` steps.

    Example:
        >>> checkpoint_name(280)
        'step-00000280'
    """
    return f"step-{step:08d}"


def best_checkpoint(directory: Path | None) -> Path | None:
    """The checkpoint that best.txt names, if there is one."""
    if directory is None or not (directory / BEST).exists():
        return None
    return directory / (directory / BEST).read_text().strip()
