"""Which epoch of a run is its best, and by which metric, as its checkpoints tell."""

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
        epoch: Counted from 1.
        metric: The one that tells the best.
        value: Its value.
        is_exported: Whether the model of a finished run has the weights of this epoch: not
            if they are not restored, or if a mean of several takes their place.
    """

    epoch: int
    metric: str
    value: float
    is_exported: bool = True

    def describe(self) -> str:
        """Which epoch, and why.

        Example:
            >>> BestEpoch(14, "val_accuracy", 0.79810123).describe()
            'epoch 14, best val_accuracy 0.7981'
        """
        return f"epoch {self.epoch}, best {self.metric} {self.value:.4g}"


class _Checkpoint(BaseModel):
    """What is read of the state of a callback that keeps the best."""

    monitor: str
    scores: dict[str, float]
    restore_best: bool


class _State(BaseModel):
    """What is read of the document `state` of a checkpoint."""

    epoch: int
    callbacks: dict[str, dict[str, Any]]


class _Soup(BaseModel):
    """What is read of soup.json."""

    best_checkpoint: str


def read_best_epoch(run_dir: Path) -> BestEpoch | None:
    """Reads which epoch is the best; None if no checkpoint tells, or it is damaged."""
    from .bundle import read_document  # NumPy, which light commands do without

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
    """Reads of which epoch the model is; None if that is not known."""
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
