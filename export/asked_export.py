"""Runs an export on images in a separate process, as its users do."""

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core import leash
from ..core.errors import ConfigError, message
from ..core.processes import describe_exit
from .portable.command import UNREADABLE
from .portable_files import PREDICT_FILE

SECONDS = 600.0  # time limit for all images
_TABLE = "cells.csv"
_MAX_CHARACTERS = 2000  # of the output of a failed process
# On the CPU: this process may be using the GPU.
_ENVIRONMENT = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}


@dataclass(frozen=True)
class ExportAnswers:
    """The outputs of an export for some files.

    Attributes:
        probabilities: Probabilities or predicted numbers, `(files, classes)`; zeros for a
            rejected file.
        named: Index of the predicted class, `(files,)`; 0 for a rejected file.
        refused: Reasons for rejected files, by index.
        labels: Whether each label is predicted, `(files, labels)`; None for classifiers.
    """

    probabilities: npt.NDArray[np.float64]
    named: npt.NDArray[np.int64]
    refused: Mapping[int, str] = field(default_factory=dict)
    labels: npt.NDArray[np.bool_] | None = None

    def only(self, rows: Sequence[int]) -> "ExportAnswers":
        """Returns the outputs for some files, none of which is rejected."""
        labels = None if self.labels is None else self.labels[rows]
        return ExportAnswers(self.probabilities[rows], self.named[rows], labels=labels)


def ask_export(
    directory: Path,
    files: Sequence[Path],
    classes: Sequence[str],
    options: Sequence[str] = (),
    timeout_seconds: float = SECONDS,
    task: str = "classification",
    cells: Mapping[str, Sequence[str]] | None = None,
) -> ExportAnswers:
    """Runs `predict.py` of an export.

    Args:
        directory: Directory of the export.
        files: Image files, all in one folder.
        classes: Expected classes, in the order of the result's columns.
        options: Options of `predict.py`.
        timeout_seconds: Time limit for all images.
        task: The task of the model.
        cells: Table cells of each file by column, if the model takes columns; they are
            written as a table into the folder of the files.

    Raises:
        ConfigError: The export fails, exceeds the time limit, or does not return a class
            and class probabilities, or an error, for each file.
    """
    script = os.path.abspath(directory / PREDICT_FILE)
    command = [sys.executable, "-B", script, *options, "--"]
    command += _names(files, cells)
    written = _run(command, files[0].parent, timeout_seconds)
    return read_answers(written, len(files), classes, task)


def _names(files: Sequence[Path], cells: Mapping[str, Sequence[str]] | None) -> list[str]:
    """Returns the arguments of the command: file names, or the table that lists them."""
    names = [file.name for file in files]
    if cells is None:
        return names
    table = files[0].with_name(_TABLE)
    with table.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow(["image", *cells])
        writer.writerows(zip(names, *cells.values(), strict=True))
    return [table.name]


def read_answers(
    written: str, count: int, classes: Sequence[str], task: str = "classification"
) -> ExportAnswers:
    """Parses the output of `predict.py`.

    Args:
        written: A line of JSON per file.
        count: Number of files.
        classes: See `ask_export`.
        task: See `ask_export`.

    Raises:
        ConfigError: The number of lines, their format or the classes are wrong.
    """
    try:
        rows = [json.loads(line) for line in written.splitlines()]
        if len(rows) != count:
            raise ValueError(f"{len(rows)} lines for {count} images")
        if task != "classification":
            return _task_answers(rows, list(classes), task)
        return _answers(rows, list(classes))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ConfigError(
            message(
                "An export must return a class and class probabilities for each image, "
                f"but does not ({type(error).__name__}: {error}).",
                classes=", ".join(classes),
            )
        ) from None


def _answers(rows: list[Any], classes: list[str]) -> ExportAnswers:
    probabilities = np.zeros((len(rows), len(classes)))
    named = np.zeros(len(rows), np.int64)
    refused = {}
    for place, row in enumerate(rows):
        if "error" in row:
            refused[place] = str(row["error"])
            continue
        if row["probabilities"].keys() != set(classes):
            raise ValueError(f"its classes are {', '.join(row['probabilities'])}")
        probabilities[place] = [float(row["probabilities"][name]) for name in classes]
        named[place] = classes.index(row["class"])
    return ExportAnswers(probabilities, named, refused)


def _task_answers(rows: list[Any], names: list[str], task: str) -> ExportAnswers:
    """Parses the rows of a multi-label or regression model."""
    values = np.zeros((len(rows), len(names)))
    labels = np.zeros((len(rows), len(names)), bool)
    refused = {}
    for place, row in enumerate(rows):
        if "error" in row:
            refused[place] = str(row["error"])
            continue
        numbers = row["values" if task == "regression" else "probabilities"]
        if numbers.keys() != set(names):
            raise ValueError(f"its names are {', '.join(numbers)}")
        values[place] = [float(numbers[name]) for name in names]
        labels[place] = [name in row.get("labels", ()) for name in names]
    return ExportAnswers(values, np.zeros(len(rows), np.int64), refused, labels)


def _run(command: Sequence[str], folder: Path, timeout_seconds: float) -> str:
    """Returns the output of a command; its processes end with this one in any case."""
    process = subprocess.Popen(
        [sys.executable, "-m", leash.__name__, str(os.getpid()), *command],
        cwd=folder,
        env={**os.environ, **_ENVIRONMENT},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    try:
        written, complaints = process.communicate(timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        raise ConfigError(
            message(
                f"An export must finish within {timeout_seconds:g} seconds, but did not.",
                timeout_seconds=timeout_seconds,
            )
        ) from None
    finally:
        _kill(process)
    if process.returncode not in (0, UNREADABLE):
        raise ConfigError(
            message(
                f"An export must run on its own, but {describe_exit(process.returncode)}: "
                f"{complaints[-_MAX_CHARACTERS:].strip()}",
                exit_status=process.returncode,
            )
        )
    return written


def _kill(process: subprocess.Popen[str]) -> None:
    """Ends a process and those that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
