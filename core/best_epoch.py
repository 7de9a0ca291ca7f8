"""Reads the best epoch of a run from its checkpoints."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from .checkpoints import best_checkpoint
from .errors import CheckpointError
from .files import read_text
from .run_layout import CHECKPOINT, CHECKPOINTS_FOLDER, SOUP, SOUP_FILE

STATE = "state"


@dataclass(frozen=True)
class BestEpoch:
    """The epoch of the best checkpoint.

    Attributes:
        epoch: The epoch, counted from 1.
        metric: Name of the metric that determines the best epoch.
        value: Value of the metric.
        is_exported: Whether the model of a finished run has the weights of this epoch:
            False if they are not restored, or are replaced by a mean of several.
    """

    epoch: int
    metric: str
    value: float
    is_exported: bool = True

    def describe(self) -> str:
        """Describes the epoch and its metric.

        Example:
            >>> BestEpoch(14, "val_accuracy", 0.79810123).describe()
            'epoch 14, best val_accuracy 0.7981'
        """
        return f"epoch {self.epoch}, best {self.metric} {self.value:.4g}"


class _Checkpoint(BaseModel):
    """The part of the state of `ModelCheckpoint` that is read."""

    monitor: str
    scores: dict[str, float]
    restore_best: bool


class _State(BaseModel):
    """The part of the document `state` of a checkpoint that is read."""

    epoch: int
    callbacks: dict[str, dict[str, Any]]


class _Soup(BaseModel):
    """The part of soup.json that is read."""

    best_checkpoint: str


def read_best_epoch(run_dir: Path) -> BestEpoch | None:
    """Reads the best epoch; None if no intact checkpoint contains it."""
    from .bundle import read_document  # loads NumPy, which light commands avoid

    try:
        best = best_checkpoint(run_dir / CHECKPOINTS_FOLDER)
        if best is None:
            return None
        is_soup = SOUP.fullmatch(best.name) is not None
        name = _single_best(run_dir) if is_soup else best.name
        state = _State.model_validate(read_document(best.parent / name, STATE))
        kept = next(filter(None, map(_as_checkpoint, state.callbacks.values())), None)
    except (CheckpointError, OSError, ValueError):
        return None
    if kept is None or name not in kept.scores:
        return None
    epoch = state.epoch + name.endswith("-mid-epoch")
    exported = kept.restore_best and not is_soup
    return BestEpoch(epoch, kept.monitor, kept.scores[name], exported)


def read_exported_epoch(run_dir: Path) -> int | None:
    """Reads the epoch whose weights the exported model has; None if unknown."""
    best = read_best_epoch(run_dir)
    return best.epoch if best and best.is_exported else None


def _single_best(run_dir: Path) -> str:
    name = _Soup.model_validate_json(read_text(run_dir / SOUP_FILE)).best_checkpoint
    if not CHECKPOINT.fullmatch(name):
        raise ValueError(f"{SOUP_FILE} names no checkpoint")
    return name


def _as_checkpoint(state: dict[str, Any]) -> _Checkpoint | None:
    try:
        return _Checkpoint.model_validate(state)
    except ValidationError:
        return None
