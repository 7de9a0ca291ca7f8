"""Reads what a run has come to from its directory; loads no TensorFlow."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..configs.yaml_file import parse_yaml
from ..core.differences import flatten
from ..core.errors import ConfigError, message
from ..core.files import read_text
from .run_directories import CONFIG_FILE

_CHECKPOINT = re.compile(r"step-\d+(-mid-epoch)?")
METRICS_FILE = "metrics.jsonl"
# What tells the best epoch: the first of these that the run has.
_BEST_BY = ("val_balanced_accuracy", "val_accuracy", "val_loss", "loss")


@dataclass(frozen=True)
class RunSummary:
    """What a run was asked for, and what came of it.

    Attributes:
        directory: Of the run.
        settings: By dotted name, such as `optimizer.learning_rate`.
        epochs: How many it has finished.
        best_name: The metric that tells its best epoch, or None before the first.
        best_value: The best value of that metric.
        seconds: Spent in its epochs.
        test: What is in test.json, or nothing.
    """

    directory: Path
    settings: dict[str, Any]
    epochs: int
    best_name: str | None
    best_value: float | None
    seconds: float
    test: dict[str, Any] = field(default_factory=dict)


def find_runs(paths: Sequence[Path]) -> list[Path]:
    """The run directories among paths; for a folder of runs, those inside it.

    Trials of a search and folds are runs inside a folder.

    Raises:
        ConfigError: There is none at or below one of the paths.
    """
    found: list[Path] = []
    for path in paths:
        runs = [path] if _is_run(path) else sorted(_runs_below(path), key=_natural)
        if not runs:
            raise ConfigError(
                message(
                    f"RUN must be a run directory, or hold some: one has a {METRICS_FILE}.",
                    "Look below `runs`.",
                    run=str(path),
                )
            )
        found += [run for run in runs if run not in found]
    return found


def read_run(directory: Path) -> RunSummary:
    """Reads a run's files.

    Raises:
        ConfigError: One of them is damaged.
    """
    lines = _read_lines(directory / METRICS_FILE)
    name = next((each for each in _BEST_BY if lines and each in lines[0]), None)
    values = [line[name] for line in lines if name and line[name] is not None]
    pick = min if name and name.endswith("loss") else max
    return RunSummary(
        directory,
        flatten(_read_settings(directory)),
        len(lines),
        name,
        pick(values, default=None),
        sum(line.get("seconds") or 0.0 for line in lines),
        _read_json(directory / "test.json") if (directory / "test.json").exists() else {},
    )


def _is_run(path: Path) -> bool:
    return (path / METRICS_FILE).is_file()


def _runs_below(path: Path) -> Iterator[Path]:
    return (each.parent for each in path.glob(f"**/{METRICS_FILE}") if each.is_file())


def _natural(path: Path) -> list[str | int]:
    """Orders fold-2 before fold-10."""
    parts = re.split(r"(\d+)", str(path))
    return [int(part) if part.isdigit() else part for part in parts]


def _read_settings(directory: Path) -> dict[str, Any]:
    """What the command line wrote; else what the last checkpoint of a script knows."""
    config = directory / CONFIG_FILE
    if config.is_file():
        settings, _ = parse_yaml(_read(config), str(config))
        return dict(settings)
    pointer = directory / "checkpoints" / "last.txt"
    if not pointer.is_file():
        return {}
    name = _read(pointer).strip()
    if not _CHECKPOINT.fullmatch(name):
        return {}
    return _read_json(pointer.parent / name / "settings.json")


def _read_lines(path: Path) -> list[dict[str, Any]]:
    return [_parse(line, path) for line in _read(path).splitlines()]


def _read_json(path: Path) -> dict[str, Any]:
    return _parse(_read(path), path)


def _read(path: Path) -> str:
    try:
        return read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> ConfigError:
    return ConfigError(
        message(
            f"The files of a run must be readable ({error}).",
            "Leave that run out, or test it again.",
            file=str(path),
        )
    )
