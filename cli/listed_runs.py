"""Lists the runs in a folder, even if their files are damaged."""

import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ..core.checked_files import is_absent
from ..core.counted import counted
from ..core.errors import ConfigError, KeraunosError, message
from ..core.files import read_text
from ..core.run_layout import (
    CHOSEN_FILE,
    FOLDS_FILE,
    METRICS_FILE,
    OUTER,
    REFIT_FOLDER,
    TEST_FILE,
)
from .listed_trials import EndedTrial, read_chosen, read_test_scores, read_trial
from .next_command import next_command
from .run_state import Kind, kind_of, last_change, parts_of, state_of
from .run_summary import natural, read_epochs, read_scores
from .typed_command import typed

_MOST_LEVELS = 3  # of folders to search for runs
_MENDED_BY = {METRICS_FILE: "fit --resume", TEST_FILE: "test"}
_SCORES = ("balanced_accuracy", "accuracy", "macro_f1", "macro_roc_auc")


Scores = dict[str, Any]


class _Folds(BaseModel):
    """The part of folds.json that is read."""

    validation: Scores = {}
    test: Scores = {}


@dataclass(frozen=True)
class ListedRun:
    """A row of the list: a run, a search or a directory of folds.

    Attributes:
        directory: Its directory.
        kind: What it is; `other` for any other folder.
        state: The result of `state_of`, `damaged`, or `not a run`.
        progress: Its progress, such as `3 epochs`.
        score: The validation score of the best epoch, such as `accuracy 0.81`; empty if
            there is none yet.
        test: The test score; empty if there is none.
        age: Time since it was last written to, such as `5 min`.
        next_command: The suggested next command; empty if there is none.
    """

    directory: Path
    kind: Kind
    state: str
    progress: str = ""
    score: str = ""
    test: str = ""
    age: str = ""
    next_command: str = ""


def list_runs(folder: Path) -> list[ListedRun]:
    """Lists the runs, searches and directories of folds in a folder, up to 3 levels deep.

    The trials of a search, and the folds of a cross-validation, are listed only if the
    folder is that of the search or of the folds.

    Raises:
        ConfigError: The path is not a folder.
    """
    if not folder.is_dir():
        raise ConfigError(
            message(
                "FOLDER must be a folder of runs.",
                "Start a run with `keraunos fit quickstart`.",
                folder=str(folder),
            )
        )
    kind = kind_of(folder)
    parts = [folder] if kind == "run" else [*parts_of(folder, kind), *_finals(folder, kind)]
    found = parts or list(_runs_below(folder, _MOST_LEVELS))
    listed = [listed_run(path) for path in found]
    if listed and kind == "other":
        listed += [listed_run(path) for path in _others(folder, found)]
    return listed


def listed_run(directory: Path) -> ListedRun:
    """Summarizes a run in a row, which names its first damaged file."""
    kind = kind_of(directory)
    if kind == "other":
        return ListedRun(directory, kind, "not a run")
    trial = read_trial(directory) if kind == "folds" else None
    state = state_of(directory, kind)
    if trial is not None and state != "running":
        state = "finished" if trial.is_completed else "failed"
    changed = last_change(directory)
    age = "" if changed is None else duration_text(time.time() - changed)
    command = next_command(directory, kind, state)
    read = {"run": _read_run, "search": _read_search, "folds": _read_folds}[kind]
    try:
        cells = read(directory) if trial is None else _read_trial(trial)
    except (KeraunosError, OSError, ValueError, RecursionError):
        name = _damaged_file(directory, kind)
        if name in _MENDED_BY:
            command = typed(_MENDED_BY[name], directory)
        see = f"see {name}"
        return ListedRun(directory, kind, "damaged", see, age=age, next_command=command)
    return ListedRun(directory, kind, state, *cells, age, command)


def duration_text(seconds: float) -> str:
    """Formats a duration in its largest fitting unit, rounded down.

    Example:
        >>> [duration_text(each) for each in (42, 150, 7_300, 200_000)]
        ['42 s', '2 min', '2 h', '2 d']
    """
    units = ((86_400, "d"), (3_600, "h"), (60, "min"))
    fitting = ((size, unit) for size, unit in units if seconds >= size)
    size, unit = next(fitting, (1, "s"))
    return f"{max(int(seconds / size), 0)} {unit}"


def _finals(folder: Path, kind: Kind) -> list[Path]:
    """Returns the refit of a search, and the searches of its outer folds."""
    if kind != "search":
        return []
    own = [
        each
        for each in _folders(folder)
        if each.name == REFIT_FOLDER or OUTER.fullmatch(each.name)
    ]
    return [each for each in own if kind_of(each) != "other"]


def _runs_below(folder: Path, levels: int) -> Iterator[Path]:
    for path in _folders(folder):
        if kind_of(path) != "other":
            yield path
        elif levels > 1:
            yield from _runs_below(path, levels - 1)


def _others(folder: Path, found: list[Path]) -> list[Path]:
    """Returns direct subfolders that neither are nor contain any of the runs found."""
    holding = {path for run in found for path in (run, *run.parents)}
    return [path for path in _folders(folder) if path not in holding]


def _folders(folder: Path) -> list[Path]:
    try:
        paths = [Path(folder, name) for name in os.listdir(folder)]
    except OSError:
        return []
    shown = [path for path in paths if not path.name.startswith(".") and path.is_dir()]
    return sorted(shown, key=natural)


def _read_run(directory: Path) -> tuple[str, str, str]:
    if is_absent(directory / METRICS_FILE):
        return "0 epochs", "", _test_of(directory)
    epochs = read_epochs(directory)
    name = (epochs.score_name or "").removeprefix("val_")
    score = "" if epochs.score is None else score_text(name, epochs.score)
    return counted(epochs.count, "epoch"), score, _test_of(directory)


def _test_of(directory: Path) -> str:
    return main_score(read_scores(directory))


def _read_search(directory: Path) -> tuple[str, str, str]:
    progress = counted(len(parts_of(directory, "search")), "trial")
    chosen = read_chosen(directory)
    if chosen is None:
        return progress, "", ""
    name, scores = chosen.objective.removeprefix("val_"), read_test_scores(directory)
    score = score_text(name, chosen.score)
    if chosen.corrected_score is not None:
        score = f"{score_text(name, chosen.corrected_score)}, corrected"
    own = {name: scores[name]} if name in scores else scores
    return progress, score, main_score(own)


def _read_trial(trial: EndedTrial) -> tuple[str, str, str]:
    """Formats a trial over folds: how many were trained, and the mean score."""
    if trial.score is None:
        return trial.reason, "", ""
    progress = counted(trial.all_folds, "fold")
    if trial.folds < trial.all_folds:
        progress = f"stopped after {trial.folds} of {progress}"
    score = score_text(trial.objective.removeprefix("val_"), trial.score)
    error = f" +- {float(trial.standard_error):.2g}" if trial.standard_error else ""
    return progress, f"{score}{error}", ""


def _read_folds(directory: Path) -> tuple[str, str, str]:
    progress = counted(len(parts_of(directory, "folds")), "fold")
    file = directory / FOLDS_FILE
    if not file.is_file():
        return progress, "", ""
    summary = _Folds.model_validate_json(read_text(file))
    return (
        progress,
        main_score(_means(summary.validation)),
        main_score(_means(summary.test)),
    )


def _means(scores: Scores) -> Scores:
    return {n: each.get("mean") for n, each in scores.items() if isinstance(each, dict)}


def _damaged_file(directory: Path, kind: Kind) -> str:
    """Returns the name of the file that can't be read."""
    if kind != "run":
        return CHOSEN_FILE if kind == "search" else FOLDS_FILE
    try:
        if not is_absent(directory / METRICS_FILE):
            read_epochs(directory)
    except (KeraunosError, OSError, ValueError):
        return METRICS_FILE
    return TEST_FILE


def main_score(scores: Scores) -> str:
    """Formats the most important of several scores; empty if there is none.

    Example:
        >>> main_score({"loss": 0.5, "mean_absolute_error": 12.0})
        'mean absolute error 12'
    """
    numbers = {
        name: value
        for name, value in scores.items()
        if isinstance(value, float) and math.isfinite(value)
    }
    others = sorted(numbers, key=lambda name: name == "loss")  # last
    name = next((each for each in (*_SCORES, *others) if each in numbers), None)
    return "" if name is None else score_text(name, numbers[name])


def score_text(name: str, value: float) -> str:
    """Formats a score with its name.

    Example:
        >>> score_text("balanced_accuracy", 0.8125)
        'balanced accuracy 0.8125'
    """
    return f"{name.replace('_', ' ')} {value:.4g}"
