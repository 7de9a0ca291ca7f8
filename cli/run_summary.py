"""Reads the settings and results of a run without loading TensorFlow."""

import contextlib
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from pydantic import BaseModel, ConfigDict, TypeAdapter

from ..configs.load import read_source
from ..core.best_epoch import BestEpoch, read_best_epoch
from ..core.checked_files import (
    CHECKSUMS_FILE,
    damaged,
    is_absent,
    is_damaged,
    read_checked_json,
    read_checked_text,
)
from ..core.console import notify
from ..core.differences import flatten
from ..core.errors import CheckpointError, ConfigError, message
from ..core.run_layout import CHECKPOINTS_FOLDER, CONFIG_FILE, METRICS_FILE, TEST_FILE
from .run_directories import remark_on_config
from .typed_command import typed

_MARKS = (METRICS_FILE, CHECKSUMS_FILE)  # every run has at least one of them
# The main metric of a run is the first of these that it has.
_MAIN_METRICS = ("val_balanced_accuracy", "val_accuracy", "val_loss", "loss")

Lines = Sequence[dict[str, float | None]]
_LINES = TypeAdapter(list[dict[str, float | None]])


class _Scores(BaseModel):
    """The values of test.json that are validated."""

    model_config = ConfigDict(extra="allow")

    accuracy: float | None = None
    balanced_accuracy: float | None = None
    macro_f1: float | None = None
    macro_roc_auc: float | None = None
    intervals: dict[str, tuple[float, float]] = {}


@dataclass(frozen=True)
class Epochs:
    """The results of the finished epochs of a run.

    Attributes:
        count: Number of finished epochs.
        best: The best epoch according to the checkpoints, or else to the main metric; None
            if there is none.
        score_name: Name of the main metric.
        score: Value of the main metric in the best epoch.
        seconds: Total duration of all epochs.
    """

    count: int
    best: BestEpoch | None
    score_name: str | None
    score: float | None
    seconds: float


@dataclass(frozen=True)
class RunSummary:
    """The settings and results of a run.

    Attributes:
        directory: The run directory.
        settings: Settings by dotted name, such as `optimizer.learning_rate`.
        epochs: Number of finished epochs.
        score_name: Name of the main metric; None before the first epoch.
        score: Value of the main metric in the best epoch.
        seconds: Total duration of all epochs.
        test: The content of test.json; empty if the run was not tested.
        standard_error: Standard error of the score, if that is the mean over the folds of a
            trial.
    """

    directory: Path
    settings: dict[str, Any]
    epochs: int
    score_name: str | None
    score: float | None
    seconds: float
    test: dict[str, Any] = field(default_factory=dict)
    standard_error: float | None = None


def find_runs(paths: Sequence[Path]) -> list[Path]:
    """Returns the run directories at or below the paths.

    The trials of a search, and folds, are runs in a folder.

    Raises:
        ConfigError: There is no run at or below one of the paths.
    """
    found: list[Path] = []
    for path in paths:
        runs = [path] if _is_run(path) else sorted(_runs_below(path), key=natural)
        if not runs:
            raise ConfigError(
                message(
                    f"RUN must be a run directory, with a {METRICS_FILE}, or contain some.",
                    "Look below `runs`.",
                    run=str(path),
                )
            )
        found += [run for run in runs if run not in found]
    return found


def read_run(directory: Path) -> RunSummary:
    """Reads the settings and results of a run.

    Raises:
        CheckpointError: A file of the run is damaged.
    """
    epochs = read_epochs(directory)
    return RunSummary(
        directory,
        flatten(_read_settings(directory)),
        epochs.count,
        epochs.score_name,
        epochs.score,
        epochs.seconds,
        read_scores(directory),
    )


def read_epochs(directory: Path) -> Epochs:
    """Reads the results of the finished epochs of a run.

    Raises:
        CheckpointError: `metrics.jsonl` is damaged.
    """
    lines = _read_lines(directory / METRICS_FILE)
    name = next((each for each in _MAIN_METRICS if lines and each in lines[0]), None)
    best = read_best_epoch(directory) or _best_by(lines, name)
    score = _number(lines[best.epoch - 1], name) if _is_finished(best, lines) else None
    if best is not None and score is None:
        name, score = best.metric, best.value
    seconds = sum(line.get("seconds") or 0.0 for line in lines)
    return Epochs(len(lines), best, name, score, seconds)


def _is_finished(best: BestEpoch | None, lines: Lines) -> TypeGuard[BestEpoch]:
    """Returns whether the best epoch has a line: it has none until the epoch ends."""
    return best is not None and best.epoch <= len(lines)


def _best_by(lines: Lines, name: str | None) -> BestEpoch | None:
    found = {
        n: v for n, line in enumerate(lines, 1) if (v := _number(line, name)) is not None
    }
    if name is None or not found:
        return None
    pick = min if name.endswith("loss") else max
    epoch = pick(found, key=found.__getitem__)
    return BestEpoch(epoch, name, found[epoch], is_exported=False)


def _number(line: dict[str, Any], name: str | None) -> float | None:
    value = line.get(name) if name else None
    return value if value is not None and math.isfinite(value) else None


def natural(path: Path) -> list[str | int]:
    """Returns a natural sort key: fold-2 comes before fold-10.

    Example:
        >>> sorted([Path("fold-10"), Path("fold-2")], key=natural)[0].name
        'fold-2'
    """
    parts = re.split(r"(\d+)", str(path))
    return [int(part) if part.isdecimal() else part for part in parts]


def _is_run(path: Path) -> bool:
    return (path / METRICS_FILE).is_file()


def _runs_below(path: Path) -> Iterator[Path]:
    for found in {file.parent for file in path.rglob("*") if file.name in _MARKS}:
        if _is_run(found):
            yield found
        elif is_damaged(found / METRICS_FILE):
            notify(f"{found} has lost its {METRICS_FILE} and is skipped")


def _read_settings(directory: Path) -> dict[str, Any]:
    """Reads the settings from config.yaml, or else from the newest checkpoint."""
    from ..core.bundle import read_document  # loads NumPy
    from ..core.checkpoints import checkpoint_names

    config = directory / CONFIG_FILE
    if config.is_file():
        remark_on_config(config)
        return read_source(str(config)).values
    if not is_absent(config):
        notify(f"{config} is missing: using the settings of the newest checkpoint")
    checkpoints = directory / CHECKPOINTS_FOLDER
    for name in reversed(checkpoint_names(checkpoints)):
        with contextlib.suppress(CheckpointError):
            return dict(read_document(checkpoints / name, "settings"))
    return {}


def _read_lines(path: Path) -> list[dict[str, Any]]:
    remedy = f"Leave that run out, or repair it: `{typed('fit --resume', path.parent)}`."
    try:
        lines = [json.loads(x) for x in read_checked_text(path, remedy).splitlines()]
        return _LINES.validate_python(lines)
    except ValueError as error:
        raise damaged(path, _first_line(error), remedy) from None


def read_scores(directory: Path) -> dict[str, Any]:
    """Reads the scores of a run on test images; empty if it was not tested.

    Raises:
        CheckpointError: `test.json` is damaged.
    """
    path = directory / TEST_FILE
    remedy = f"Leave that run out, or test it again: `{typed('test', path.parent)}`."
    if not path.exists():
        if not is_absent(path):
            notify(f"{path} is gone. {remedy}")
        return {}
    try:
        scores = _Scores.model_validate(read_checked_json(path, remedy))
        return scores.model_dump(exclude_unset=True)
    except ValueError as error:
        raise damaged(path, _first_line(error), remedy) from None


def _first_line(error: ValueError) -> str:
    return " ".join(str(error).splitlines()[:3])
