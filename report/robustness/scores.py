"""Scores of corrupted images, compared with those of the original images."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...evaluation.finding import Table
from ...evaluation.statistics.intervals import Interval, bootstrap
from ..numbers import with_interval
from .corruptions import CORRUPTIONS, STRENGTHS

NAMES = ("accuracy", "balanced_accuracy")
VERSIONS = [(kind, strength) for kind in CORRUPTIONS for strength in STRENGTHS]
CLEAN = ("original", 0)


class Score(NamedTuple):
    """A score, and its change from that of the original images.

    Attributes:
        value: The score, from 0 to 1.
        interval: 95% interval of the value.
        change: Difference to the score of the original images.
        change_interval: 95% interval of the change on the same images.
    """

    value: float
    interval: Interval
    change: float
    change_interval: Interval


# By kind and strength, then by name.
Scores = dict[tuple[str, int], dict[str, Score]]


def scores_of(
    labels: npt.NDArray[np.integer],
    right: npt.NDArray[np.bool_],
    groups: npt.NDArray[np.integer] | None = None,
) -> Scores:
    """Returns the scores of the original images and of each version.

    Args:
        labels: `(images,)` true classes.
        right: `(1 + versions, images)` bool, whether predictions are right; the original
            images first.
        groups: `(images,)` numbers shared by images of one group, such as a patient.
    """
    numbers = right.astype(np.float64)
    present, places = np.unique(labels, return_inverse=True)
    members = np.eye(len(present))[places]

    def values(weights: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.float64]]:
        found = {}
        totals = weights @ members
        for place, each in enumerate(numbers):
            sums = (weights * each) @ members
            recalls = np.where(totals > 0, sums / np.maximum(totals, 1), np.nan)
            found[f"accuracy {place}"] = sums.sum(axis=1) / totals.sum(axis=1)
            found[f"balanced_accuracy {place}"] = np.nanmean(recalls, axis=1)
        for name in list(found):
            found[f"change of {name}"] = found[name] - found[f"{name.split()[0]} 0"]
        return found

    exact = {
        name: float(each[0]) for name, each in values(np.ones((1, len(labels)))).items()
    }
    intervals = bootstrap(labels, values, groups=groups)

    def score(name: str) -> Score:
        change = f"change of {name}"
        return Score(exact[name], intervals[name], exact[change], intervals[change])

    return {
        version: {name: score(f"{name} {place}") for name in NAMES}
        for place, version in enumerate([CLEAN, *VERSIONS])
    }


def as_values(scores: Scores) -> dict[str, Any]:
    """Returns JSON values: `clean`, and a list with the strengths of each kind."""
    found: dict[str, Any] = {}
    for (kind, strength), own in scores.items():
        values = {name: _as_dict(score) for name, score in own.items()}
        if strength:
            amount = CORRUPTIONS[kind].amounts[strength - 1]
            entry = {"strength": strength, "amount": amount, **values}
            found.setdefault(kind, []).append(entry)
        else:
            found["clean"] = values
    return found


def as_table(scores: Scores) -> Table:
    """Returns a table with one row per kind and strength."""
    columns = [(name.replace("_", " "), "change") for name in NAMES]
    header = ("images", "strength", *columns[0], *columns[1])
    rows = []
    for (kind, strength), own in scores.items():
        numbers = [with_interval(each) for score in own.values() for each in _pair(score)]
        rows.append((_described(kind, strength), strength or None, *numbers))
    title = "Scores of corrupted images, with 95% intervals; changes are on the same images"
    return Table(title, header, rows)


def _described(kind: str, strength: int) -> str:
    if not strength:
        return kind
    corruption = CORRUPTIONS[kind]
    return f"{kind}, {corruption.amounts[strength - 1]:g} {corruption.unit}"


def _pair(score: Score) -> tuple[dict[str, float], dict[str, float]]:
    """Returns the score and its change."""
    values = ((score.value, score.interval), (score.change, score.change_interval))
    one, other = ({"value": v, "low": ends[0], "high": ends[1]} for v, ends in values)
    return one, other


def _as_dict(score: Score) -> dict[str, Any]:
    value, change = _pair(score)
    return {**value, "change": change}
