"""Scores of test-time augmentation and of ensembles of folds, for the report of a run."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..core.errors import reason_of
from ..core.files import read_text
from ..core.names import printable
from ..core.run_layout import ENSEMBLE_FILE, FOLD, TEST_FILE
from ..evaluation.finding import Table
from .numbers import with_interval

_TITLE = "Views and ensembles"
_SCORES = ("balanced_accuracy", "accuracy", "macro_f1", "macro_roc_auc")
_OF_LABELS = ("mean_average_precision", "macro_f1", "macro_roc_auc", "exact_match")
_OF_NUMBERS = ("mean_absolute_error", "root_mean_squared_error", "r2")


class Averages(NamedTuple):
    """Scores of means over views and folds.

    Attributes:
        table: Rows of the single model and of each mean; None if there are no means.
        conclusions: Comparisons of each mean with single models.
        gaps: Files that can't be shown, and why.
    """

    table: Table | None = None
    conclusions: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()


class _AverageScores(NamedTuple):
    names: tuple[str, ...] = ()  # names of the scores in the rows
    rows: Sequence[list[Any]] = ()
    conclusions: Sequence[str] = ()


def read_averages(run: Path) -> Averages:
    """Reads the results of `keraunos test --tta` and `keraunos test FOLDS`.

    Args:
        run: Directory of the run, possibly of a fold.
    """
    directory = run.resolve()
    files = [(directory / TEST_FILE, _view_scores)]
    if FOLD.fullmatch(directory.name):
        files.append((directory.parent / ENSEMBLE_FILE, _fold_scores))
    gaps: list[str] = []
    every = [_read(file, look, gaps) for file, look in files]
    found = [each for each in every if each.rows]
    if not found:
        return Averages(gaps=tuple(gaps))
    names = (name.replace("_", " ") for name in found[0].names)
    rows = [row for each in found for row in each.rows]
    table = Table(_TITLE, ["model", "test images", *names], rows)
    conclusions = tuple(line for each in found for line in each.conclusions)
    return Averages(table, conclusions, tuple(gaps))


def _read(
    file: Path, look: Callable[[Any], _AverageScores], gaps: list[str]
) -> _AverageScores:
    if not file.exists():
        return _AverageScores()
    try:
        return look(json.loads(read_text(file)))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        why = printable(" ".join(reason_of(error).split()))[:300]
        gaps.append(f"not shown: means in {file.name}, because it can't be read ({why})")
        return _AverageScores()


def _view_scores(document: Mapping[str, Any]) -> _AverageScores:
    scores = document.get("tta")
    if scores is None:
        return _AverageScores()
    rows = [
        _row("single model", document),
        _row(f"mean of {scores['views']:,} views", scores),
    ]
    against = scores.get("against_single_model")  # in classification only
    conclusions = [] if against is None else _conclusions(against)
    return _AverageScores(_names(document), rows, conclusions)


def _fold_scores(document: Mapping[str, Any]) -> _AverageScores:
    if document["split"] != "test":
        return _AverageScores()
    scores, members = document["ensemble"], document["members"]
    name = f"mean of {len(members):,} folds"
    rows = [_row(member, each) for member, each in members.items()]
    rows.append(_row(name, scores))
    if "tta" in scores:
        rows.append(_row(f"{name}, {scores['tta']['views']:,} views", scores["tta"]))
    against = scores.get("against_members", {}).values()
    conclusions = [line for each in against for line in _conclusions(each)]
    return _AverageScores(_names(scores), rows, conclusions)


def _row(name: str, scores: Mapping[str, Any]) -> list[Any]:
    intervals = scores.get("intervals", {})
    cells = []
    for score in _names(scores):
        low, high = intervals.get(score, (None, None))
        cells.append(with_interval({"value": scores[score], "low": low, "high": high}))
    count = scores["examples"] if "examples" in scores else scores["images"]
    return [printable(name), int(count), *cells]


def _names(scores: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the headline scores of a task."""
    if "per_label" in scores:
        return _OF_LABELS
    return _OF_NUMBERS if "per_target" in scores else _SCORES


def _conclusions(difference: Mapping[str, Any]) -> list[str]:
    what = f"{difference['second']} against {difference['first']}"
    return [printable(f"{what}: {line}") for line in difference["conclusions"]]
