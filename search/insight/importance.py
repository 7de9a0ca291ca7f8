"""How much each parameter matters to the score, as far as the trials tell.

A forest is fitted to four fifths of the trials and asked about the others; the importance
of a parameter is by how much R2 falls there once that parameter is shuffled, which may be
by more than 1 (permutation importance, Breiman, 2001; of a surrogate of
the search as in Hutter, Hoos and Leyton-Brown, 2014). The spread is the standard error
over the parts, corrected for the trials that they have in common (Nadeau and Bengio,
2003).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.inspection import permutation_importance
from sklearn.model_selection import RepeatedKFold

from .surrogate import Indices, SomeColumns, Surrogate
from .table import Floats, Parameter, Table

LEAST_TRIALS = 10
PARTS = 5
REPETITIONS = 2
SHUFFLES = 8
CERTAIN = 1.645  # standard errors: one in twenty is above that by chance


@dataclass(frozen=True)
class Importance:
    """What a parameter matters.

    Attributes:
        parameter: Which.
        trials: In how many it varied.
        mean: By how much R2 falls with it shuffled; None if that can't be said.
        standard_error: Of the mean.
    """

    parameter: Parameter
    trials: int
    mean: float | None = None
    standard_error: float | None = None

    @property
    def is_clear(self) -> bool:
        """Whether it can be told from nothing."""
        return (self.mean or 0.0) > CERTAIN * (self.standard_error or 0.0)


@dataclass(frozen=True)
class Importances:
    """What all parameters matter.

    Attributes:
        parameters: The most important first; in their own order if nothing can be said.
        explained: Part of the variance of scores it has not seen that the forest
            explains (R2); None if it was not asked.
        reason: Why nothing can be said, or nothing.
    """

    parameters: Sequence[Importance]
    explained: float | None = None
    reason: str = ""


def find_importances(table: Table) -> Importances:
    """Looks what the parameters matter."""
    unknown = [
        Importance(parameter, int(table.active(column).sum()))
        for column, parameter in enumerate(table.parameters)
    ]
    reason = _too_little(table)
    if reason:
        return Importances(unknown, reason=reason)
    asked = list(_fits(table))
    explained = _explained(table, asked)
    if explained <= 0:
        reason = (
            f"a forest fitted to the trials explains nothing of the scores of others (R2 "
            f"{explained:.2f})"
        )
        return Importances(unknown, explained, reason)
    found = [_increases(model, table, unseen) for model, unseen in asked]
    summary = _summary(np.asarray(found) / np.var(table.scores))
    known = [
        Importance(each.parameter, each.trials, float(mean), float(error))
        for each, mean, error in zip(unknown, *summary, strict=True)
    ]
    return Importances(sorted(known, key=lambda each: -(each.mean or 0.0)), explained)


def _too_little(table: Table) -> str:
    if not table.parameters:
        return "nothing varied between the trials that have a score"
    if len(table.trials) < LEAST_TRIALS:
        return f"{len(table.trials)} trials have a score, and {LEAST_TRIALS} are needed"
    return "" if np.ptp(table.scores) > 0 else "all trials have the same score"


def _fits(table: Table) -> Iterator[tuple[Surrogate, Indices]]:
    """Forests fitted to most trials, and the others."""
    splitter = RepeatedKFold(n_splits=PARTS, n_repeats=REPETITIONS, random_state=0)
    for seen, unseen in splitter.split(table.rows):
        model = Surrogate(table.parameters).fit(table.rows[seen], table.scores[seen])
        yield model, unseen


def _explained(table: Table, asked: Sequence[tuple[Surrogate, Indices]]) -> float:
    """What part of the variance of scores the forests explain that they have not seen."""
    errors = [
        model.predict(table.rows[unseen]) - table.scores[unseen] for model, unseen in asked
    ]
    return float(1 - np.mean(np.concatenate(errors) ** 2) / np.var(table.scores))


def _increases(model: Surrogate, table: Table, unseen: Indices) -> Floats:
    """By what the mean squared error grows with each parameter shuffled: `(parameter,)`.

    One is shuffled among the trials in which it varied: between them and others that
    would be to shuffle what it depends on, too.
    """
    increases = np.zeros(len(table.parameters))
    active = np.stack([table.active(c) for c in range(len(table.parameters))])[:, unseen]
    for which in np.unique(active, axis=0):
        columns = np.flatnonzero((active == which).all(axis=1))
        if which.sum() > 1:
            rows, scores = table.rows[unseen][which], table.scores[unseen][which]
            found = permutation_importance(
                SomeColumns(model, rows, columns),
                rows[:, columns],
                scores,
                scoring="neg_mean_squared_error",
                n_repeats=SHUFFLES,
                random_state=0,
            )
            increases[columns] = found.importances_mean * which.mean()
    return increases


def _summary(found: Floats) -> tuple[Floats, Floats]:
    """Means over the parts, and their standard errors."""
    factor = math.sqrt(1 / len(found) + 1 / (PARTS - 1))
    return found.mean(axis=0), found.std(axis=0, ddof=1) * factor
