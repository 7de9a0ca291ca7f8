"""Writes the table of trials."""

from collections.abc import Sequence
from pathlib import Path

from ..core.files import write_csv
from ..core.run_layout import RESULTS_FILE
from .study import Study, Trial


def write_results(directory: Path, study: Study) -> None:
    """Writes results.csv: a row per trial, in the order in which they started."""
    names = parameter_names(study)
    trials = [trial for _, trial in sorted(study.trials.items())]
    folds = max((len(trial.fold_scores) for trial in trials), default=0)
    of_folds = [f"fold_{number}" for number in range(1, folds + 1)]
    if folds:
        of_folds = ["standard_error", "folds", *of_folds]
    fields = ("trial", "status", study.objective.name, "best_epoch", "epochs", "seconds")
    rows = [_row(trial, names, folds) for trial in trials]
    write_csv(directory / RESULTS_FILE, [*fields, *of_folds, *names, "reason"], rows)


def parameter_names(study: Study) -> list[str]:
    """Returns the names of all parameters with a value in any trial."""
    names = dict.fromkeys(
        name for _, trial in sorted(study.trials.items()) for name in trial.values
    )
    return list(names)


def short(value: object) -> str:
    """Formats a value for display.

    Example:
        >>> short(0.0012345678), short("adam")
        ('0.001235', 'adam')
    """
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def score_text(trial: Trial) -> str:
    """Formats the score of a trial, with its standard error if it has all folds.

    Returns:
        `0.8123`, or `0.8123 +- 0.0123`; empty if it has none.
    """
    score = "" if trial.score is None else f"{trial.score:.4f}"
    error = trial.standard_error if trial.is_whole else None
    return score if error is None else f"{score} +- {error:.4f}"


def _row(trial: Trial, names: Sequence[str], folds: int) -> list[object]:
    score = "" if trial.score is None else trial.score
    values = [trial.values.get(name, "") for name in names]
    numbers = [trial.best_epoch or "", len(trial.scores), round(trial.seconds, 3)]
    about = [trial.number, trial.status, score, *numbers, *_of_folds(trial, folds)]
    return [*about, *values, trial.reason]


def _of_folds(trial: Trial, folds: int) -> list[object]:
    """Returns standard error, number of folds and their scores; [] without folds."""
    if not folds:
        return []
    count = len(trial.fold_scores)
    error = trial.standard_error if trial.is_whole else None
    scores = [*trial.fold_scores, *[""] * (folds - count)]
    return ["" if error is None else error, count, *scores]
