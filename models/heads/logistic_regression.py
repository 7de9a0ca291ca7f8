"""Multinomial logistic regression on features, with scikit-learn."""

import warnings
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from .training_features import TrainingFeatures

Floats = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)
MOST_ITERATIONS = 200


class Logistic(NamedTuple):
    """A fitted classifier of features.

    Attributes:
        model: The scikit-learn model for `(features - mean) / scale`.
        mean: Mean of each feature, `(features,)`.
        scale: Square root of the mean variance of features.
        num_classes: Number of classes, including those without images.
        l2: The chosen penalty, as a multiple of the mean variance of features.
    """

    model: LogisticRegression
    mean: Floats
    scale: float
    num_classes: int
    l2: float

    def probabilities(self, features: Floats) -> Floats:
        """Predicts `(rows, classes)` from features `(rows, features)`."""
        found = np.zeros((len(features), self.num_classes))
        scaled = (features - self.mean) / self.scale
        found[:, self.model.classes_] = self.model.predict_proba(scaled)
        return found


def fit_logistic(data: TrainingFeatures, held_out: Mask) -> Logistic:
    """Fits a logistic regression with the best penalty for held-out rows.

    The penalty is the weight of the squared norm of the weights, relative to the mean log
    loss.

    Args:
        data: The training features.
        held_out: Rows on which penalties are compared by log loss, after a fit on the other
            rows; `(rows,)` bool. The final fit uses all rows.
    """
    tried = []
    for l2 in PENALTIES:
        found = _fit(data, ~held_out, l2)
        own = found.probabilities(data.features[held_out])
        right = own[np.arange(len(own)), data.labels[held_out]]
        losses = -np.log(np.maximum(right, np.finfo(np.float32).tiny))
        tried.append((np.average(losses, weights=data.weights[held_out]), l2))
    return _fit(data, np.ones(len(held_out), bool), min(tried)[1])


def _fit(data: TrainingFeatures, rows: Mask, l2: float) -> Logistic:
    features = np.asarray(data.features[rows], np.float64)
    mean = features.mean(axis=0)
    scale = float(np.sqrt(features.var(axis=0).mean())) or 1.0
    weights = data.weights[rows] / data.weights[rows].sum()
    model = LogisticRegression(C=1 / l2, max_iter=MOST_ITERATIONS, tol=1e-4)
    with warnings.catch_warnings():  # a penalty that needs more steps is too weak anyway
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit((features - mean) / scale, data.labels[rows], sample_weight=weights)
    return Logistic(model, mean, scale, data.num_classes, l2)
