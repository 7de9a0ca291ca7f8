"""The features that a head is fitted on, with labels, weights and groups."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.errors import DataError, message

Floats = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class TrainingFeatures:
    """Features of training images, with a row per version of each image.

    Attributes:
        features: Finite features, `(rows, features)`.
        labels: Class indices, `(rows,)`.
        num_classes: The number of classes.
        weights: Weight of each row, 1 on average; `(rows,)`.
        groups: Group number of each row, `(rows,)`. Rows of a group are left out together:
            versions of an image, its copies, images of a patient.
    """

    features: Floats
    labels: Integers
    num_classes: int
    weights: Floats
    groups: Integers

    @classmethod
    def of(
        cls,
        features: Floats,
        labels: Integers,
        num_classes: int,
        weights: Floats | None = None,
        groups: Integers | None = None,
    ) -> "TrainingFeatures":
        """Checks features and normalizes weights and groups.

        Args:
            features: Features, `(rows, features)`.
            labels: Class indices, `(rows,)`.
            num_classes: The number of classes.
            weights: Weights with any sum, `(rows,)`; equal by default.
            groups: Group numbers, `(rows,)`; by default each row is a group.

        Raises:
            DataError: All rows belong to one group, or a feature is not finite.
        """
        count = len(labels)
        given = np.ones(count) if weights is None else np.asarray(weights, np.float64)
        numbers = np.arange(count) if groups is None else groups
        numbers = np.unique(numbers, return_inverse=True)[1]
        _check(features, numbers)
        return cls(features, labels, num_classes, given / given.mean(), numbers)

    def counting(self) -> "TrainingFeatures":
        """Returns the rows with a positive weight."""
        counts = self.weights > 0
        if counts.all():
            return self
        return self.of(
            self.features[counts],
            self.labels[counts],
            self.num_classes,
            self.weights[counts],
            self.groups[counts],
        )

    @property
    def one_hot(self) -> npt.NDArray[np.float64]:
        """One-hot labels, `(rows, classes)` float64."""
        return np.eye(self.num_classes)[self.labels]

    @property
    def class_shares(self) -> npt.NDArray[np.float64]:
        """The share of each class in the sum of weights, `(classes,)`."""
        sums = np.bincount(self.labels, self.weights, self.num_classes)
        return np.asarray(sums / sums.sum())

    def log_loss(self, probabilities: Floats) -> float:
        """Computes the weighted mean of `-log` of the probability of each row's class."""
        own = _logarithms(probabilities)[np.arange(len(self.labels)), self.labels]
        return float(-np.average(own, weights=self.weights))

    def cautious_log_loss(self, probabilities: Floats) -> float:
        """Computes the log loss with one more image that belongs equally to all classes.

        Used to choose scales and temperatures: for separable images, the plain log loss
        would prefer probabilities of 0 and 1. After Platt, Probabilistic Outputs for
        Support Vector Machines, 1999.
        """
        part = 1 / (2 + self.groups.max())
        spread = -np.average(_logarithms(probabilities).mean(axis=1), weights=self.weights)
        return float((1 - part) * self.log_loss(probabilities) + part * spread)


def _logarithms(probabilities: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(probabilities, np.finfo(np.float32).tiny)))


def _check(features: Floats, groups: Integers) -> None:
    finite = np.isfinite(features)
    if not finite.all():
        raise DataError(
            message(
                "The features for fitting a head must be finite.",
                "Check the weights of the backbone and trainer.precision.",
                not_finite=int((~finite).sum()),
            )
        )
    if groups.max(initial=0) == 0:
        raise DataError(
            message(
                "Fitting a head needs images of at least two groups, so that one can be "
                "left out.",
                "Check data.group_column.",
                images=len(groups),
                groups=1,
            )
        )
