"""Means beside a run's single model: over views of each image, and over all folds."""

import json
from collections.abc import Callable, Mapping
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


class Averages(NamedTuple):
    """What there is to show.

    Attributes:
        table: A row for the single model and one for each mean; None if there are none.
        conclusions: Whether a mean is better, of each.
        gaps: Files that can't be shown, and why.
    """

    table: Table | None = None
    conclusions: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()


class _Found(NamedTuple):
    rows: list[list[Any]]
    conclusions: list[str]


def read_averages(run: Path) -> Averages:
    """Reads what `keraunos test --tta`, and `keraunos test FOLDS`, have written.

    Args:
        run: The directory of the run, which may be that of a fold.
    """
    directory = run.resolve()
    files = [(directory / TEST_FILE, _of_views)]
    if FOLD.fullmatch(directory.name):
        files.append((directory.parent / ENSEMBLE_FILE, _of_folds))
    rows: list[list[Any]] = []
    conclusions: list[str] = []
    gaps: list[str] = []
    for file, look in files:
        found = _read(file, look, gaps)
        rows += found.rows
        conclusions += found.conclusions
    if not rows:
        return Averages(gaps=tuple(gaps))
    header = ["model", "test images", *(name.replace("_", " ") for name in _SCORES)]
    return Averages(Table(_TITLE, header, rows), tuple(conclusions), tuple(gaps))


def _read(file: Path, look: Callable[[Any], _Found], gaps: list[str]) -> _Found:
    if not file.exists():
        return _Found([], [])
    try:
        return look(json.loads(read_text(file)))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        why = printable(" ".join(reason_of(error).split()))[:300]
        gaps.append(f"not shown: means in {file.name}, as it can't be read ({why})")
        return _Found([], [])


def _of_views(document: Mapping[str, Any]) -> _Found:
    scores = document.get("tta")
    if scores is None:
        return _Found([], [])
    rows = [
        _row("single model", document),
        _row(f"mean of {scores['views']:,} views", scores),
    ]
    return _Found(rows, _conclusions(scores["against_single_model"]))


def _of_folds(document: Mapping[str, Any]) -> _Found:
    if document["split"] != "test" or "against_members" not in document["ensemble"]:
        return _Found([], [])  # of validation images, or of labels or numbers
    scores, members = document["ensemble"], document["members"]
    name = f"mean of {len(members):,} folds"
    rows = [_row(member, each) for member, each in members.items()]
    rows.append(_row(name, scores))
    if "tta" in scores:
        rows.append(_row(f"{name}, {scores['tta']['views']:,} views", scores["tta"]))
    against = scores["against_members"].values()
    return _Found(rows, [line for each in against for line in _conclusions(each)])


def _row(name: str, scores: Mapping[str, Any]) -> list[Any]:
    intervals = scores.get("intervals", {})
    cells = []
    for score in _SCORES:
        low, high = intervals.get(score, (None, None))
        cells.append(with_interval({"value": scores[score], "low": low, "high": high}))
    return [printable(name), int(scores["examples"]), *cells]


def _conclusions(difference: Mapping[str, Any]) -> list[str]:
    what = f"{difference['second']} against {difference['first']}"
    return [printable(f"{what}: {line}") for line in difference["conclusions"]]
