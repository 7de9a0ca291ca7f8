"""Estimates the dependence of the score on one parameter (Friedman, 2001)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.inspection import partial_dependence

from ..study import Study
from .surrogate import Surrogate
from .table import Floats, Table

MAX_POINTS = 60


@dataclass(frozen=True)
class Dependence:
    """The scores that a forest predicts for the values of a parameter.

    Attributes:
        values: Values of the parameter.
        scores: The predicted score of each.
    """

    values: list[Any]
    scores: Floats

    def best(self, study: Study) -> Any:
        """Returns the value with the best predicted score."""
        place = np.argmin if study.objective.mode == "min" else np.argmax
        return self.values[int(place(self.scores))]


def find_dependence(table: Table, model: Surrogate, column: int) -> Dependence:
    """Returns the partial dependence of a fitted forest on one parameter.

    Args:
        table: The trials; only those in which the parameter varied are used.
        model: The forest.
        column: Column of the parameter.
    """
    rows = table.rows[table.active(column)]
    found = partial_dependence(
        model,
        rows,
        [column],
        kind="average",
        method="brute",
        percentiles=(0.0, 1.0),
        grid_resolution=MAX_POINTS,
    )
    parameter = table.parameters[column]
    values = [parameter.decode(number) for number in found["grid_values"][0]]
    return Dependence(values, found["average"][0])
