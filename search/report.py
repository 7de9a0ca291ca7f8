"""The table of trials that a search leaves."""

from collections.abc import Sequence
from pathlib import Path

from ..core.files import write_csv
from ..core.run_layout import RESULTS_FILE
from .study import Study, Trial


def write_results(directory: Path, study: Study) -> None:
    """Writes results.csv: a row for each trial, in the order in which they began."""
    names = parameter_names(study)
    fields = ("trial", "status", study.objective.name, "best_epoch", "epochs", "seconds")
    rows = [_row(trial, names) for _, trial in sorted(study.trials.items())]
    write_csv(directory / RESULTS_FILE, [*fields, *names, "reason"], rows)


def parameter_names(study: Study) -> list[str]:
    """All parameters that any trial has a value of."""
    names = dict.fromkeys(
        name for _, trial in sorted(study.trials.items()) for name in trial.values
    )
    return list(names)


def short(value: object) -> str:
    """A value as a person reads it.

    Example:
        >>> short(0.0012345678), short("adam")
        ('0.001235', 'adam')
    """
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _row(trial: Trial, names: Sequence[str]) -> list[object]:
    score = "" if trial.score is None else trial.score
    values = [trial.values.get(name, "") for name in names]
    numbers = [trial.best_epoch or "", len(trial.scores), round(trial.seconds, 3)]
    return [trial.number, trial.status, score, *numbers, *values, trial.reason]
