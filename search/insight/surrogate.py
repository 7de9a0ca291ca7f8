"""A model of the score as a function of the parameters."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import ExtraTreesRegressor

from .table import Floats, Parameter

Indices = npt.NDArray[np.intp]

TREES = 40


class Surrogate(RegressorMixin, BaseEstimator):
    """Extremely randomized trees on the columns of a `Table` (Geurts et al., 2006).

    Categories are one-hot encoded. A parameter that does not vary in a trial is encoded as
    all zeros, or as a number below all others.

    Args:
        parameters: The parameter of each column.
        seed: Seed of the trees.
    """

    def __init__(self, parameters: Sequence[Parameter] = (), seed: int = 0) -> None:
        self.parameters = parameters
        self.seed = seed

    def fit(self, rows: Floats, scores: Floats) -> "Surrogate":
        """Fits the trees to `rows` `(trial, parameter)` and `scores` `(trial,)`."""
        self.trees_ = ExtraTreesRegressor(TREES, random_state=self.seed)
        self.trees_.fit(self._one_hot(rows), scores)
        return self

    def predict(self, rows: Floats) -> Floats:
        """Returns predicted scores: `(trial,)`."""
        inputs = self._one_hot(rows).astype(np.float32)  # the dtype of trees
        # The checks of scikit-learn take ten times as long as the prediction.
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
    """A fitted model as a function of some columns, with the others fixed.

    Args:
        model: The model.
        rows: The trials to predict.
        columns: Indices of the free columns.
    """

    def __init__(self, model: Surrogate, rows: Floats, columns: Indices) -> None:
        self.model = model
        self.rows = rows
        self.columns = columns

    def fit(self, rows: Floats, scores: Floats) -> "SomeColumns":
        """Does nothing: the model is already fitted."""
        return self

    def predict(self, part: Floats) -> Floats:
        """Returns predicted scores, with new values in the free columns."""
        whole = self.rows.copy()
        whole[:, self.columns] = part
        return self.model.predict(whole)
