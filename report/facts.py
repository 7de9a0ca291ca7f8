"""Reads facts from the files of a run: settings, data, training, environment.

This neither loads TensorFlow nor writes anything. Missing or damaged files become gaps.
"""

import csv
import io
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ..configs.load import read_source
from ..core.best_epoch import BestEpoch, read_best_epoch
from ..core.bundle import read_document
from ..core.checked_files import is_damaged, read_checked_text
from ..core.checkpoints import checkpoint_names
from ..core.errors import KeraunosError, reason_of
from ..core.files import open_regular, read_text
from ..core.names import printable
from ..core.redaction import redacted
from ..core.run_layout import (
    CHECKPOINTS_FOLDER,
    CHOSEN_FILE,
    CLASSES_FILE,
    CONFIG_FILE,
    DROPPED_FILE,
    ENVIRONMENT_FILE,
    FOLD,
    FOLDS_TABLE_FILE,
    METRICS_FILE,
    REFIT_FOLDER,
    RESULTS_FILE,
    SPLIT_FILE,
    TRIAL,
)
from ..evaluation.finding import Table
from .averages import Averages, read_averages
from .exports import Exports, read_exports

T = TypeVar("T")

MOST_ROWS = 200
_NOT_VALUES = ("epoch", "step")


@dataclass(frozen=True)
class RunFacts:
    """Facts about a run that are known without its model.

    Attributes:
        name: Name of the run.
        directory: Directory of the run; None for a model without one.
        settings: Nested settings, without secrets.
        environment: Versions, devices and command.
        class_names: The classes, in the order of the model's outputs.
        counts: Number of images by split and class.
        dropped: Number of dropped files by policy.
        dropped_files: Table of the first dropped files.
        history: Values per epoch by metric; NaN if missing.
        epochs: The numbers of these epochs.
        best: The best epoch, or None if unknown.
        step: The last training step.
        siblings: The table of the search or of the folds that the run belongs to.
        search: Winner of the search, as in chosen.json; only for a refit.
        exports: The exports and their comparison with the model.
        averages: Scores of means over views and folds.
        gaps: What could not be read, and why.
    """

    name: str
    directory: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    class_names: Sequence[str] = ()
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    dropped_files: Table | None = None
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)
    epochs: Sequence[int] = ()
    best: BestEpoch | None = None
    step: int = 0
    siblings: Table | None = None
    search: Mapping[str, Any] = field(default_factory=dict)
    exports: Exports = field(default_factory=Exports)
    averages: Averages = field(default_factory=Averages)
    gaps: Sequence[str] = ()

    @property
    def exported_epoch(self) -> int | None:
        """The epoch of the exported model; None if unknown."""
        return self.best.epoch if self.best and self.best.is_exported else None

    def setting(self, name: str) -> Any:
        """Returns a setting by its dotted name; None if unknown."""
        value: Any = self.settings
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value


def read_facts(directory: Path) -> RunFacts:
    """Reads the files of a run."""
    gaps: list[str] = []
    nothing: dict[str, Any] = {}
    none_dropped: tuple[dict[str, int], Table | None] = ({}, None)
    no_history: tuple[dict[str, list[float]], list[int], int] = ({}, [], 0)

    def read(reader: Callable[[Path], T], name: str, missing: T) -> T:
        try:
            content = reader(directory / name)
        except (KeraunosError, OSError, ValueError, csv.Error) as error:
            gaps.append(f"not shown: {name}, because it can't be read ({_why(error)})")
            return missing
        if is_damaged(directory / name):
            gaps.append(
                f"{name} differs from what the run wrote: it was changed or is damaged"
            )
        return content

    exports, averages = read_exports(directory), read_averages(directory)
    history, epochs, step = read(_history, METRICS_FILE, no_history)
    dropped, dropped_files = read(_dropped, DROPPED_FILE, none_dropped)
    return RunFacts(
        printable(directory.resolve().name),
        directory,
        redacted(read(_settings, CONFIG_FILE, nothing)),
        read(_environment, ENVIRONMENT_FILE, nothing),
        read(_classes, CLASSES_FILE, ()),
        read(_counts, SPLIT_FILE, nothing),
        dropped,
        dropped_files,
        history,
        epochs,
        read_best_epoch(directory),
        step,
        _siblings(directory, gaps),
        _search(directory, gaps),
        exports,
        averages,
        [*gaps, *exports.gaps, *averages.gaps],
    )


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """Yields the rows of a table one at a time, as there may be millions.

    Raises:
        OSError: The file can't be read.
        csv.Error: The file is not a table.
    """
    with open_regular(path) as file:
        lines = io.TextIOWrapper(file, "utf-8", "surrogateescape", newline="")
        for row in csv.DictReader(lines, restval=""):
            yield {key: value for key, value in row.items() if isinstance(value, str)}


def _settings(path: Path) -> dict[str, Any]:
    """Reads the settings from the configuration or, for scripts, the newest checkpoint."""
    if path.exists():
        return read_source(str(path)).values
    checkpoints = path.parent / CHECKPOINTS_FOLDER
    for name in reversed(checkpoint_names(checkpoints)):
        return dict(read_document(checkpoints / name, "settings"))
    raise FileNotFoundError(0, "there is neither this file nor a checkpoint", str(path))


def _environment(path: Path) -> dict[str, Any]:
    content = json.loads(read_text(path))
    if not isinstance(content, dict):
        raise ValueError("it does not contain an object")
    return content


def _classes(path: Path) -> tuple[str, ...]:
    return tuple(read_checked_text(path).splitlines())


def _counts(path: Path) -> dict[str, dict[str, int]]:
    cells = Counter((row["split"], row["class"]) for row in _named(path, "split", "class"))
    counts: dict[str, dict[str, int]] = {}
    for (split, kind), count in sorted(cells.items()):
        counts.setdefault(split, {})[kind] = count
    return counts


def _dropped(path: Path) -> tuple[dict[str, int], Table | None]:
    policies: Counter[str] = Counter()
    rows: list[list[str]] = []
    for row in _named(path, "path", "policy", "reason"):
        policies[row["policy"]] += 1
        if len(rows) < MOST_ROWS:
            rows.append([row["path"], row["policy"], row["reason"]])
    header = ["file", "setting", "reason"]
    return dict(policies), Table("Dropped files", header, rows) if rows else None


def _named(path: Path, *columns: str) -> Iterator[dict[str, str]]:
    for row in read_rows(path):
        if not row.keys() >= set(columns):
            raise ValueError(f"its columns must be {', '.join(columns)}")
        yield row


def _history(path: Path) -> tuple[dict[str, list[float]], list[int], int]:
    """Returns values per epoch, the numbers of the epochs, and the last step."""
    history: dict[str, list[float]] = {}
    epochs: list[int] = []
    step = 0
    for number, line in enumerate(read_text(path).splitlines(), 1):
        values = json.loads(line)
        if not isinstance(values, dict):
            raise ValueError("a line does not contain an object")
        step = values["step"] if isinstance(values.get("step"), int) else step
        epochs.append(values["epoch"] if isinstance(values.get("epoch"), int) else number)
        for name, value in values.items():
            if name not in _NOT_VALUES and isinstance(value, int | float | None):
                column = history.setdefault(name, [])
                column += [math.nan] * (number - 1 - len(column))
                column.append(math.nan if value is None else float(value))
    for column in history.values():
        column += [math.nan] * (len(epochs) - len(column))
    return history, epochs, step


def _siblings(directory: Path, gaps: list[str]) -> Table | None:
    """Returns the table of the search or the folds that a run belongs to."""
    parent, name = directory.resolve().parent, directory.resolve().name
    for pattern, file, title in (
        (TRIAL, RESULTS_FILE, "Trials of the search"),
        (re.compile(REFIT_FOLDER), RESULTS_FILE, "Trials of the search"),
        (FOLD, FOLDS_TABLE_FILE, "All folds"),
    ):
        if pattern.fullmatch(name) and (parent / file).is_file():
            try:
                return _table(parent / file, title)
            except (OSError, csv.Error) as error:
                gaps.append(f"not shown: {file}, because it can't be read ({_why(error)})")
    return None


def _search(directory: Path, gaps: list[str]) -> dict[str, Any]:
    """Returns the winner of the search that a run refits."""
    file = directory.resolve().parent / CHOSEN_FILE
    if directory.resolve().name != REFIT_FOLDER or not file.is_file():
        return {}
    try:
        return _environment(file)
    except (OSError, ValueError) as error:
        gaps.append(f"not shown: {file.name}, because it can't be read ({_why(error)})")
        return {}


def _table(path: Path, title: str) -> Table:
    rows = list(read_rows(path))
    header = list(rows[0]) if rows else []
    more = f" ({len(rows) - MOST_ROWS:,} more are in {path.name})"
    title += more if len(rows) > MOST_ROWS else ""
    shown = [[row.get(name, "") for name in header] for row in rows[:MOST_ROWS]]
    return Table(title, header, shown)


def _why(error: Exception) -> str:
    return printable(" ".join(reason_of(error).splitlines()[:2]))[:300]
