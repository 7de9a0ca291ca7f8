"""Weighted k-nearest-neighbors classification by the cosine of features.

Wu, Xiong, Yu and Lin, Unsupervised Feature Learning via Non-Parametric Instance
Discrimination, 2018: a neighbor of similarity `s` has the weight `exp(s / temperature)`.
Here the weight of the first non-neighbor is subtracted from all, as in Dudani, The
Distance-Weighted k-Nearest-Neighbor Rule, 1976. Which of two almost equally near images is
the last neighbor then makes no difference, so that results don't depend on rounding.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .training_features import TrainingFeatures

Floats32 = npt.NDArray[np.float32]
Floats = npt.NDArray[np.floating]

TEMPERATURES = (0.01, 0.02, 0.05, 0.07, 0.1, 0.2, 0.5)
PRIORS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
_SMALLEST_SQUARE = 1e-12  # of a vector's norm in normalization, as in Keras
_ROWS_AT_ONCE = 1024


class Neighbors(NamedTuple):
    """A fitted classifier with its stored training images.

    Attributes:
        vectors: Normalized features, `(rows, features)` float32.
        votes: Weight of each row in the column of its class, `(rows, classes)` float32.
        prior: Votes for each class without any neighbor, `(classes,)` float32.
        neighbors: Number of neighbors that vote.
        temperature: Divisor of similarities.
        log_loss: Log loss of the rows, predicted from rows of other groups.
    """

    vectors: Floats32
    votes: Floats32
    prior: Floats32
    neighbors: int
    temperature: float
    log_loss: float

    def probabilities(self, features: Floats) -> Floats:
        """Predicts `(rows, classes)` from features `(rows, features)`."""
        parts = []
        for start in range(0, len(features), _ROWS_AT_ONCE):
            rows = _normalize(features[start : start + _ROWS_AT_ONCE])
            near = _nearest(rows @ self.vectors.T, self.neighbors)
            weights = _weights(near.similarities, self.temperature)
            votes = np.einsum("rk,rkc->rc", weights, self.votes[near.places])
            parts.append(_shares(votes + self.prior))
        return np.concatenate(parts)


class _Nearest(NamedTuple):
    """The nearest rows, in order.

    Attributes:
        similarities: Similarities of the neighbors and the first non-neighbor,
            `(rows, neighbors + 1)`.
        places: Indices of the neighbors, `(rows, neighbors)`.
    """

    similarities: Floats
    places: npt.NDArray[np.intp]


def fit_neighbors(
    data: TrainingFeatures, neighbors: int, temperature: float | None = None
) -> Neighbors:
    """Stores the rows and chooses how their votes are converted to probabilities.

    The temperature, unless given, and the weight of the class frequencies minimize the log
    loss of training images, each predicted without itself and its other versions.

    Args:
        data: The training features.
        neighbors: Number of neighbors that vote; less than the number of rows.
        temperature: Divisor of similarities; None chooses it from `TEMPERATURES`.

    Example:
        >>> features = np.array([[1.0, 0], [1, 0.1], [0, 1], [0.1, 1]])
        >>> data = TrainingFeatures.of(features, np.array([0, 0, 1, 1]), num_classes=2)
        >>> found = fit_neighbors(data, neighbors=1)
        >>> found.probabilities(features).argmax(axis=1).tolist()
        [0, 0, 1, 1]
    """
    vectors = _normalize(data.features)
    near = [*_nearest_of_others(data, vectors, neighbors)]
    similarities = np.concatenate([each.similarities for each in near])
    places = np.concatenate([each.places for each in near])
    votes = (data.one_hot * data.weights[:, None]).astype(np.float32)
    tried = []
    for each in TEMPERATURES if temperature is None else (temperature,):
        counted = _count(_weights(similarities, each), places, votes)
        for prior in PRIORS:
            shares = _shares(counted + prior * data.class_shares)
            cautious, loss = data.cautious_log_loss(shares), data.log_loss(shares)
            tried.append((cautious, each, prior, loss))
    _, chosen, prior, loss = min(tried)
    prior_votes = (prior * data.class_shares).astype(np.float32)
    return Neighbors(vectors, votes, prior_votes, neighbors, chosen, loss)


def _normalize(features: Floats) -> Floats32:
    rows = np.asarray(features, np.float32)
    squares = np.maximum((rows**2).sum(axis=1, keepdims=True), _SMALLEST_SQUARE)
    return np.asarray(rows / np.sqrt(squares), np.float32)


def _nearest_of_others(
    data: TrainingFeatures, vectors: Floats32, neighbors: int
) -> Iterator[_Nearest]:
    """Yields the neighbors of each row in other groups, for some rows at a time."""
    groups = np.asarray(data.groups)
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        similarities = vectors[rows] @ vectors.T
        similarities[groups[rows, None] == groups] = -np.inf
        yield _nearest(similarities, neighbors)


def _nearest(similarities: Floats, neighbors: int) -> _Nearest:
    places = np.argpartition(-similarities, neighbors, axis=1)[:, : neighbors + 1]
    found = np.take_along_axis(similarities, places, axis=1)
    order = np.argsort(-found, axis=1, kind="stable")
    places = np.take_along_axis(places, order, axis=1)
    return _Nearest(np.take_along_axis(found, order, axis=1), places[:, :-1])


def _weights(similarities: Floats, temperature: float) -> Floats:
    """Computes weights `(rows, neighbors)` in [0, 1], 0 for the first non-neighbor."""
    nearest = similarities[:, :1]
    falling = np.exp((similarities - nearest) / temperature)
    return np.asarray(falling[:, :-1] - falling[:, -1:])


def _count(weights: Floats, places: npt.NDArray[np.intp], votes: Floats32) -> Floats:
    counted = np.zeros((len(weights), votes.shape[1]))
    for neighbor in range(weights.shape[1]):  # one at a time saves memory
        counted += weights[:, neighbor, None] * votes[places[:, neighbor]]
    return counted


def _shares(votes: Floats) -> Floats:
    return np.asarray(votes / votes.sum(axis=1, keepdims=True))
