"""Suggests the next command for a run, a search or a directory of folds."""

import shlex
from pathlib import Path

from ..configs import RunConfig, load_config
from ..core.errors import KeraunosError
from ..core.run_layout import (
    BEST_CONFIG_FILE,
    CONFIG_FILE,
    ENSEMBLE_FILE,
    EXPORT_FOLDER,
    MODEL_FILE,
    REFIT_FOLDER,
    REPORT_FILE,
)
from .changed_settings import read_command
from .run_state import Kind, State, kind_of, parts_of, state_of
from .typed_command import PROGRAM, typed
from .untrusted import foreign_names

_RATE_FACTOR = 0.1  # applied to the learning rate of a run that diverged


def next_command(directory: Path, kind: Kind, state: State) -> str:
    """Returns the command that resumes unfinished work, or uses finished work.

    Args:
        directory: The directory of a run, a search or folds.
        kind: The kind of directory.
        state: The result of `state_of`.
    """
    if state == "running":
        return typed("tensorboard", directory)
    if kind == "search":
        return _after_search(directory, state)
    above = directory.parent
    if (state != "finished" or kind == "folds") and kind_of(above) == "search":
        return _after_search(above, state_of(above, "search"))
    if state == "finished":
        return _after_folds(directory) if kind == "folds" else after_run(directory)
    return _to_continue(directory, state)


def after_run(directory: Path) -> str:
    """Returns the next command for a finished run: report, then export, then serve."""
    has = _names(directory)
    if not {CONFIG_FILE, MODEL_FILE} <= has:
        return typed("tensorboard", directory)
    if REPORT_FILE not in has:
        return typed("report", directory)
    return typed("serve" if EXPORT_FOLDER in has else "export", directory)


def _after_folds(directory: Path) -> str:
    has = _names(directory)
    if ENSEMBLE_FILE not in has:
        return typed("test", directory)
    return typed("tensorboard" if REPORT_FILE in has else "report", directory)


def _after_search(directory: Path, state: State) -> str:
    if state != "finished":
        return command_of_search(directory)
    refit = directory / REFIT_FOLDER
    if (refit / MODEL_FILE).is_file():
        return after_run(refit)
    best = directory / BEST_CONFIG_FILE
    return typed("fit", best) if best.is_file() else typed("tensorboard", directory)


def command_of_search(directory: Path) -> str:
    """Returns the command that began a search, as its trials note it; it continues it."""
    trials = parts_of(directory, "search")
    runs = [run for each in trials for run in (each, *parts_of(each, "folds"))]
    command = shlex.split(next(filter(None, map(read_command, runs)), ""))
    place = f"run_dir={directory}"
    if command[:2] == [PROGRAM, "search"]:
        kept = [each for each in command if not each.startswith("run_dir=")]
        return shlex.join([*kept, place])
    if command and command[0].endswith(".py"):
        return shlex.join(["python", *command])
    return f"keraunos search CONFIG {shlex.quote(place)}"


def _to_continue(directory: Path, state: State) -> str:
    config = _config(directory)
    file = directory / CONFIG_FILE
    if config is None:  # the run of a script, or an unreadable configuration
        return typed("tensorboard", directory)
    if state == "diverged":
        rate = config.optimizer.learning_rate * _RATE_FACTOR
        return typed("fit", file, f"optimizer.learning_rate={rate:g}")
    if foreign_names(config):
        return f"keraunos fit CONFIG {shlex.quote(f'run_dir={directory}')}"
    return typed("fit --resume", directory)


def _config(directory: Path) -> RunConfig | None:
    file = directory / CONFIG_FILE
    try:
        return load_config([str(file)]) if file.is_file() else None
    except (KeraunosError, OSError):
        return None


def _names(directory: Path) -> set[str]:
    try:
        return {each.name for each in directory.iterdir()}
    except OSError:
        return set()
