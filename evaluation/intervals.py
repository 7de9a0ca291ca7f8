"""How sure scores are: intervals by the bootstrap.

Method: percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
chapter 13), with images drawn class by class, so that no class is lost.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]

ROUNDS = 1000
_NUMBERS_AT_ONCE = 2_000_000


def bootstrap_intervals(
    labels: npt.NDArray[np.integer],
    probabilities: npt.NDArray[np.floating],
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval]:
    """Intervals of the scores of a classifier.

    From each class as many images as it has are drawn with replacement, and the scores
    computed anew, 1,000 times. The interval holds the middle `confidence` of them. It says
    what other images of the same kind and number might have given: nothing of another
    clinic or camera, nor of training again. A class of three images has next to no
    say in its own uncertainty: look at the number of images, too.

    Args:
        labels: `(examples,)` true classes, at least one.
        probabilities: `(examples, classes)`.
        confidence: Part of the rounds within the interval.
        seed: Of the draws.

    Returns:
        Low and high end of `accuracy`, `balanced_accuracy`, `macro_f1` and, where two
        classes have examples, `macro_roc_auc`.

    Example:
        >>> labels = np.array([0, 0, 0, 0, 1, 1])
        >>> probabilities = np.eye(2)[[0, 0, 0, 1, 1, 1]]
        >>> bootstrap_intervals(labels, probabilities)["accuracy"]
        (0.5, 1.0)
    """
    return bootstrap(
        labels, lambda weights: _scores(labels, probabilities, weights), confidence, seed
    )


def bootstrap(
    labels: npt.NDArray[np.integer],
    statistics: Callable[[Floats], Mapping[str, Floats]],
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval]:
    """Intervals of any statistics of weighted examples, drawn as above.

    Args:
        labels: `(examples,)` true classes, at least one.
        statistics: Of weights `(rounds, examples)`, how often each example was drawn;
            returns `(rounds,)` by name. Called with some rounds at a time.
        confidence: Part of the rounds within the interval.
        seed: Of the draws.

    Returns:
        Low and high end by name.

    Example:
        >>> right = np.array([1.0, 1.0, 0.0, 1.0])
        >>> bootstrap(np.zeros(4, int), lambda weights: {"accuracy": weights @ right / 4})
        {'accuracy': (0.25, 1.0)}
    """
    rounds = [statistics(weights) for weights in _draws(labels, seed)]
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    found = {}
    for name in rounds[0]:
        values = np.concatenate([each[name] for each in rounds])
        low, high = np.quantile(values, tails)
        found[name] = (float(low), float(high))
    return found


def _draws(labels: npt.NDArray[np.integer], seed: int) -> Iterator[Floats]:
    """`(rounds, examples)`: how often each example was drawn, some rounds at a time."""
    random = np.random.default_rng(seed)
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    left, step = ROUNDS, max(_NUMBERS_AT_ONCE // len(labels), 1)
    while left > 0:
        count = min(left, step)
        weights = np.zeros((count, len(labels)))
        for rows in members:
            even = np.full(len(rows), 1 / len(rows))
            weights[:, rows] = random.multinomial(len(rows), even, size=count)
        yield weights
        left -= count


def _scores(
    labels: npt.NDArray[np.integer],
    probabilities: npt.NDArray[np.floating],
    weights: Floats,
) -> dict[str, Floats]:
    """`(rounds,)` of each score, where examples count as often as they were drawn."""
    classes = probabilities.shape[1]
    cells = labels.astype(np.int64) * classes + probabilities.argmax(axis=1)
    counts = weights @ np.eye(classes**2)[cells]
    matrices = counts.reshape(-1, classes, classes)
    present = np.unique(labels)
    right = np.diagonal(matrices, axis1=1, axis2=2)[:, present]
    true = matrices.sum(axis=2)[:, present]
    taken = matrices.sum(axis=1)[:, present]
    scores = {
        "accuracy": right.sum(axis=1) / true.sum(axis=1),
        "balanced_accuracy": (right / true).mean(axis=1),
        "macro_f1": (2 * right / (true + taken)).mean(axis=1),
    }
    if len(present) > 1:
        areas = [
            _areas_under_roc(labels == label, probabilities[:, label], weights)
            for label in present
        ]
        scores["macro_roc_auc"] = np.mean(areas, axis=0)
    return scores


def _areas_under_roc(
    truth: npt.NDArray[np.bool_], score: npt.NDArray[np.floating], weights: Floats
) -> Floats:
    """`(rounds,)`: how often a positive is above a negative; ties count half."""
    order = np.argsort(score, kind="stable")
    truth, weights = truth[order], weights[:, order]
    negative = np.where(truth, 0.0, weights)
    begun = np.flatnonzero(np.diff(score[order], prepend=-np.inf))  # of equal scores
    negatives = np.add.reduceat(negative, begun, axis=1)
    positives = np.add.reduceat(weights - negative, begun, axis=1)
    below = np.cumsum(negatives, axis=1) - negatives
    pairs = positives.sum(axis=1) * negatives.sum(axis=1)
    return np.sum(positives * (below + negatives / 2), axis=1) / pairs
