"""The features that a head is fitted on, with all that a fit has to know of each row."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.errors import DataError, message

Floats = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class TrainingFeatures:
    """Features of training images, a row for each version of each image.

    Attributes:
        features: `(rows, features)`, finite.
        labels: `(rows,)` class indices.
        num_classes: The number of classes.
        weights: `(rows,)` how much each row counts, 1 on average.
        groups: `(rows,)` numbers that rows share which are left out together: the versions
            of an image, its copies, the images of a patient.
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
        """Checks them.

        Args:
            features: See above.
            labels: See above.
            num_classes: See above.
            weights: Of any sum; all the same by default.
            groups: By default each row is alone.

        Raises:
            DataError: All rows are of one group, or some features are not finite.
        """
        count = len(labels)
        given = np.ones(count) if weights is None else np.asarray(weights, np.float64)
        numbers = np.arange(count) if groups is None else groups
        numbers = np.unique(numbers, return_inverse=True)[1]
        _check(features, numbers)
        return cls(features, labels, num_classes, given / given.mean(), numbers)

    def counting(self) -> "TrainingFeatures":
        """The rows whose weight is not 0."""
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
        """`(rows, classes)`: 1 in the column of a row's class."""
        return np.eye(self.num_classes)[self.labels]

    @property
    def class_shares(self) -> npt.NDArray[np.float64]:
        """`(classes,)`: the share of each class in the sum of weights."""
        sums = np.bincount(self.labels, self.weights, self.num_classes)
        return np.asarray(sums / sums.sum())

    def log_loss(self, probabilities: Floats) -> float:
        """The weighted mean of `-log` of the probability of each row's class."""
        own = _logarithms(probabilities)[np.arange(len(self.labels)), self.labels]
        return float(-np.average(own, weights=self.weights))

    def cautious_log_loss(self, probabilities: Floats) -> float:
        """The log loss as if there were one more image, of all classes in equal parts.

        It is what probabilities are chosen by: where all images are told apart, the plain
        one would have no end before certainty. After Platt, Probabilistic Outputs for
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
                "A head is fitted on images of at least two groups, so that one can be "
                "left out.",
                "Check data.group_column.",
                images=len(groups),
                groups=1,
            )
        )
