"""Encodes the trials of a search as numbers: a row per trial, a column per parameter."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..report import parameter_names, short
from ..study import Study, Trial
from ..tuning.space import is_logarithmic

Floats = npt.NDArray[np.float64]

INACTIVE = -1.0  # a parameter that does not vary in a trial; others are in [0, 1]
EPOCHS = "epochs"  # set by hyperband, in addition to the parameters


@dataclass(frozen=True)
class Parameter:
    """A parameter that varied, and the encoding of its values.

    Numbers are scaled to [0, 1], in the logarithm if they are searched on a logarithmic
    scale. Other values are encoded as their index.

    Attributes:
        name: Name in the space.
        values: All values that occurred, sorted.
        is_category: Whether the values have no order.
        is_logarithmic: Whether they are searched on a logarithmic scale.

    Example:
        >>> rate = Parameter("rate", (0.001, 0.1), is_logarithmic=True)
        >>> round(rate.encode(0.01), 6), round(rate.decode(0.5), 6), rate.encode(None)
        (0.5, 0.01, -1.0)
    """

    name: str
    values: Sequence[Any]
    is_category: bool = False
    is_logarithmic: bool = False

    def encode(self, value: Any) -> float:
        """Encodes a value; None if the parameter does not vary in the trial."""
        if value is None:
            return INACTIVE
        if self.is_category:
            return float(self.values.index(value))
        low, high = self._scaled(self.values[0]), self._scaled(self.values[-1])
        return (self._scaled(value) - low) / (high - low) if high > low else 0.0

    def decode(self, number: float) -> Any:
        """Decodes a number, also between values that occurred."""
        if self.is_category:
            return self.values[round(number)]
        low, high = self._scaled(self.values[0]), self._scaled(self.values[-1])
        value = low + number * (high - low)
        return math.exp(value) if self.is_logarithmic else value

    def _scaled(self, value: float) -> float:
        return math.log(value) if self.is_logarithmic else float(value)


@dataclass(frozen=True)
class Table:
    """The trials that have a score.

    Attributes:
        parameters: The parameters that varied, one per column.
        trials: The trials, one per row, in the order in which they started.
        rows: Values encoded by `Parameter.encode`, `(trials, parameters)`.
        scores: Scores, `(trials,)`.
    """

    parameters: Sequence[Parameter]
    trials: Sequence[Trial]
    rows: Floats
    scores: Floats

    def active(self, column: int) -> npt.NDArray[np.bool_]:
        """Returns whether the parameter varied in each trial, `(trials,)`."""
        found: npt.NDArray[np.bool_] = self.rows[:, column] != INACTIVE
        return found


def make_table(study: Study) -> Table:
    """Encodes the trials of a search so far, with the parameters that varied."""
    trials = sorted(study.ranking(), key=lambda trial: trial.number)
    values = [trial.values | _own_epochs(trial) for trial in trials]
    names = [*parameter_names(study), EPOCHS]
    columns = {
        name: [each.get(name) for each in values]
        for name in dict.fromkeys(names)
        if len({repr(each.get(name)) for each in values}) > 1
    }
    parameters = [_parameter(name, column, study) for name, column in columns.items()]
    rows = [
        [parameter.encode(value) for value in columns[parameter.name]]
        for parameter in parameters
    ]
    scores = [trial.score or 0.0 for trial in trials]
    shape = (len(parameters), len(trials))
    return Table(
        parameters, trials, np.reshape(np.asarray(rows, float), shape).T, np.asarray(scores)
    )


def label(value: Any) -> str:
    """Formats a value for an axis.

    Example:
        >>> label('"fresh"'), label(0.012345678)
        ('fresh', '0.01235')
    """
    text = short(value).strip('"')
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


_WIDTH = 16


def _own_epochs(trial: Trial) -> dict[str, Any]:
    epochs = trial.note("epochs")
    return {} if epochs is None else {EPOCHS: epochs}


def _parameter(name: str, column: Sequence[Any], study: Study) -> Parameter:
    known = [value for value in column if value is not None]
    if all(isinstance(each, int | float) and not isinstance(each, bool) for each in known):
        is_log = is_logarithmic(study.oracle.hyperparameters, name)
        return Parameter(name, sorted(set(known)), is_logarithmic=is_log)
    return Parameter(name, sorted(set(known), key=str), is_category=True)
