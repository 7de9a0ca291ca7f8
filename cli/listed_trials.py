"""Reads how the trials of a search ended, and how well its winner does."""

import contextlib
import csv
import io
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ..core.checked_files import read_checked_json
from ..core.files import read_text
from ..core.run_layout import (
    CHOSEN_FILE,
    ENSEMBLE_FILE,
    ENSEMBLE_FOLDER,
    REFIT_FOLDER,
    RESULTS_FILE,
    TEST_FILE,
    TRIAL,
    trial_name,
)

_OBJECTIVE = 2  # its column in results.csv


class ChosenTrial(BaseModel):
    """The part of chosen.json that is read."""

    objective: str
    score: float
    corrected_score: float | None = None


@dataclass(frozen=True)
class EndedTrial:
    """A trial over folds that has ended.

    Attributes:
        is_completed: Whether it has a score.
        objective: Name of the metric that is the score.
        score: The mean over folds; None if it failed.
        standard_error: Its standard error; empty unless all folds were trained.
        reason: Why it ended.
        folds: Number of trained folds.
        all_folds: Number of folds of the search.
    """

    is_completed: bool
    objective: str
    score: float | None
    standard_error: str
    reason: str
    folds: int
    all_folds: int


def read_chosen(directory: Path) -> ChosenTrial | None:
    """Reads the winner of a search; None if the search has not ended."""
    file = directory / CHOSEN_FILE
    return ChosenTrial.model_validate_json(read_text(file)) if file.is_file() else None


def read_trial(directory: Path) -> EndedTrial | None:
    """Reads how a trial over folds ended; None if it runs, or is no trial over folds."""
    if not TRIAL.fullmatch(directory.name):
        return None
    with contextlib.suppress(OSError, ValueError, LookupError, csv.Error):
        for row in csv.DictReader(io.StringIO(read_text(directory.parent / RESULTS_FILE))):
            is_this = trial_name(int(row["trial"])) == directory.name
            if is_this and row.get("folds") and row["status"] != "running":
                return _ended_trial(row)
    return None


def _ended_trial(row: Mapping[str, str]) -> EndedTrial:
    objective = list(row)[_OBJECTIVE]
    score = row[objective]
    return EndedTrial(
        row["status"] == "completed",
        objective,
        float(score) if score else None,
        row.get("standard_error") or "",
        row["reason"],
        int(row["folds"]),
        next(n for n in itertools.count() if f"fold_{n + 1}" not in row),
    )


def read_test_scores(directory: Path) -> dict[str, Any]:
    """Reads the test scores of the refit or the ensemble of a search, if there are any."""
    for file in (
        directory / REFIT_FOLDER / TEST_FILE,
        directory / ENSEMBLE_FOLDER / ENSEMBLE_FILE,
    ):
        if file.is_file():
            scores: dict[str, Any] = read_checked_json(file)
            return dict(scores.get("ensemble", scores))
    return {}
