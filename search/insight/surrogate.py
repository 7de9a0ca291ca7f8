"""A model of the score as a function of the parameters, fitted to the trials."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import ExtraTreesRegressor

from .table import Floats, Parameter

Indices = npt.NDArray[np.intp]

TREES = 40


class Surrogate(RegressorMixin, BaseEstimator):
    """Extremely randomised trees on the columns of a `Table` (Geurts et al., 2006).

    Categories are one-hot; a parameter that does not vary in a trial has none of them,
    or a number below all others.

    Args:
        parameters: What the columns are.
        seed: Of the trees.
    """

    def __init__(self, parameters: Sequence[Parameter] = (), seed: int = 0) -> None:
        self.parameters = parameters
        self.seed = seed

    def fit(self, rows: Floats, scores: Floats) -> "Surrogate":
        """Learns from trials: `(trial, parameter)` and `(trial,)`."""
        self.trees_ = ExtraTreesRegressor(TREES, random_state=self.seed)
        self.trees_.fit(self._one_hot(rows), scores)
        return self

    def predict(self, rows: Floats) -> Floats:
        """The scores that it expects: `(trial,)`."""
        inputs = self._one_hot(rows).astype(np.float32)  # as trees are asked
        # What scikit-learn checks for each tree takes ten times as long as asking it.
        found = [tree.tree_.predict(inputs)[:, 0] for tree in self.trees_.estimators_]
        return np.asarray(np.mean(found, axis=0))

    def _one_hot(self, rows: Floats) -> Floats:
        columns: list[npt.NDArray[np.float64]] = []
        for column, parameter in zip(rows.T, self.parameters, strict=True):
            if parameter.is_category:
                codes = np.arange(len(parameter.values))
                columns += list((column[None] == codes[:, None]).astype(float))
            else:
                columns.append(column)
        return np.stack(columns, axis=1)


class SomeColumns(BaseEstimator):
    """A fitted model as a function of some columns; the others stay as they are.

    Args:
        model: The model.
        rows: The trials that it will be asked about.
        columns: Which of theirs vary.
    """

    def __init__(self, model: Surrogate, rows: Floats, columns: Indices) -> None:
        self.model = model
        self.rows = rows
        self.columns = columns

    def fit(self, rows: Floats, scores: Floats) -> "SomeColumns":
        """Does nothing: the model is fitted."""
        return self

    def predict(self, part: Floats) -> Floats:
        """The scores that it expects, with some columns of another order."""
        whole = self.rows.copy()
        whole[:, self.columns] = part
        return self.model.predict(whole)
