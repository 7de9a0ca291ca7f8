"""Estimates the importance of each parameter for the score from the trials.

A forest is fitted to four fifths of the trials and evaluated on the others. The importance
of a parameter is the drop in R2 there when the parameter is shuffled, which may exceed 1
(permutation importance, Breiman, 2001; for surrogates of a search, Hutter, Hoos and
Leyton-Brown, 2014). The spread is the standard error over the parts, corrected for the
trials that they share (Nadeau and Bengio, 2003).
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
CERTAIN = 1.645  # standard errors, exceeded by chance in one case of twenty


@dataclass(frozen=True)
class Importance:
    """The importance of one parameter.

    Attributes:
        parameter: The parameter.
        trials: Number of trials in which it varied.
        mean: Drop in R2 when it is shuffled; None if not estimated.
        standard_error: Standard error of the mean.
    """

    parameter: Parameter
    trials: int
    mean: float | None = None
    standard_error: float | None = None

    @property
    def is_clear(self) -> bool:
        """Whether it is distinguishable from zero."""
        return (self.mean or 0.0) > CERTAIN * (self.standard_error or 0.0)


@dataclass(frozen=True)
class Importances:
    """The importance of all parameters.

    Attributes:
        parameters: The most important first; in their own order if not estimated.
        explained: Fraction of the variance of held-out scores that the forest explains
            (R2); None if no forest was fitted.
        reason: Why nothing was estimated; empty otherwise.
    """

    parameters: Sequence[Importance]
    explained: float | None = None
    reason: str = ""


def find_importances(table: Table) -> Importances:
    """Estimates the importance of the parameters."""
    unknown = [
        Importance(parameter, int(table.active(column).sum()))
        for column, parameter in enumerate(table.parameters)
    ]
    reason = _insufficient_data_reason(table)
    if reason:
        return Importances(unknown, reason=reason)
    fits = list(_fits(table))
    explained = _explained_variance(table, fits)
    if explained <= 0:
        reason = (
            "a forest explains none of the variance of held-out scores (R2 "
            f"{explained:.2f})"
        )
        return Importances(unknown, explained, reason)
    found = [_error_increases(model, table, unseen) for model, unseen in fits]
    summary = _summary(np.asarray(found) / np.var(table.scores))
    known = [
        Importance(each.parameter, each.trials, float(mean), float(error))
        for each, mean, error in zip(unknown, *summary, strict=True)
    ]
    return Importances(sorted(known, key=lambda each: -(each.mean or 0.0)), explained)


def _insufficient_data_reason(table: Table) -> str:
    if not table.parameters:
        return "nothing varied between the trials with a score"
    if len(table.trials) < LEAST_TRIALS:
        return (
            f"too few trials have a score ({len(table.trials)}; {LEAST_TRIALS} are needed)"
        )
    return "" if np.ptp(table.scores) > 0 else "all trials have the same score"


def _fits(table: Table) -> Iterator[tuple[Surrogate, Indices]]:
    """Yields forests fitted to most trials, and the indices of the held-out ones."""
    splitter = RepeatedKFold(n_splits=PARTS, n_repeats=REPETITIONS, random_state=0)
    for seen, unseen in splitter.split(table.rows):
        model = Surrogate(table.parameters).fit(table.rows[seen], table.scores[seen])
        yield model, unseen


def _explained_variance(table: Table, fits: Sequence[tuple[Surrogate, Indices]]) -> float:
    """Computes the share of the variance of held-out scores that the forests explain."""
    errors = [
        model.predict(table.rows[unseen]) - table.scores[unseen] for model, unseen in fits
    ]
    return float(1 - np.mean(np.concatenate(errors) ** 2) / np.var(table.scores))


def _error_increases(model: Surrogate, table: Table, unseen: Indices) -> Floats:
    """Computes the increase in mean squared error when each parameter is shuffled.

    A parameter is shuffled only among the trials in which it varied; otherwise, the
    parameter that it depends on would be shuffled as well.

    Returns:
        The increases, `(parameters,)`.
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
    """Computes means over the parts, and their standard errors."""
    factor = math.sqrt(1 / len(found) + 1 / (PARTS - 1))
    return found.mean(axis=0), found.std(axis=0, ddof=1) * factor
