"""Bootstrap intervals of scores, from the draws of resampling.py."""

from collections.abc import Callable, Collection, Mapping

import numpy as np
import numpy.typing as npt

from .areas import Areas
from .boundary import widen
from .ranking import Floats, ratio
from .resampling import Labels, draws

Interval = tuple[float, float]


def bootstrap_intervals(
    labels: Labels,
    probabilities: npt.NDArray[np.floating],
    confidence: float = 0.95,
    seed: int = 0,
    groups: Labels | None = None,
) -> dict[str, Interval]:
    """Returns intervals of the scores of a classifier.

    From each class, as many images as it has are drawn with replacement, and the scores are
    computed again, 1,000 times. An interval contains the middle `confidence` of them. It
    reflects the choice of test images, but not other sites or cameras, nor repeated
    trainings, and it is unreliable for classes with very few images. Draws of a class that
    is always right or always wrong do not differ; therefore the intervals of both
    accuracies are widened, see `boundary.widen`.

    Args:
        labels: `(examples,)` true classes, at least one.
        probabilities: `(examples, classes)`.
        confidence: Fraction of the rounds within the interval.
        seed: Seed of the draws.
        groups: `(examples,)` numbers shared by images of one group, such as a patient.
            Whole groups are drawn, stratified by their most common class. None draws
            images.

    Returns:
        Low and high end of `accuracy`, `balanced_accuracy`, `macro_f1` and, if at least two
        classes have examples, `macro_roc_auc`.

    Example:
        >>> labels = np.array([0, 0, 0, 0, 1, 1])
        >>> probabilities = np.eye(2)[[0, 0, 0, 1, 1, 1]]
        >>> low, high = bootstrap_intervals(labels, probabilities)["accuracy"]
        >>> round(low, 3), high
        (0.398, 1.0)
    """
    scores = WeightedScores(labels, probabilities)
    found = bootstrap(labels, scores, confidence, seed, groups)
    right = probabilities.argmax(axis=1) == labels
    return widen(found, labels, right, confidence, groups)


def accuracy_interval(
    labels: Labels,
    right: npt.NDArray[np.bool_],
    confidence: float = 0.95,
    groups: Labels | None = None,
) -> Interval:
    """Returns the interval of `accuracy` of `bootstrap_intervals`, without other scores.

    Args:
        labels: `(examples,)` true classes, at least one.
        right: `(examples,)` bool, whether each prediction is right.
        confidence: See `bootstrap_intervals`.
        groups: See `bootstrap_intervals`.

    Example:
        >>> labels, right = np.array([0, 0, 0, 0, 1, 1]), np.arange(6) != 3
        >>> low, high = accuracy_interval(labels, right)
        >>> round(low, 3), high
        (0.398, 1.0)
    """

    def accuracy(weights: Floats) -> dict[str, Floats]:
        return {"accuracy": weights @ right / weights.sum(axis=1)}

    found = bootstrap(labels, accuracy, confidence, groups=groups)
    return widen(found, labels, right, confidence, groups)["accuracy"]


def bootstrap(
    labels: Labels,
    statistics: Callable[[Floats], Mapping[str, Floats]],
    confidence: float = 0.95,
    seed: int = 0,
    groups: Labels | None = None,
) -> dict[str, Interval]:
    """Returns intervals of any statistics of weighted examples; see `bootstrap_intervals`.

    Args:
        labels: `(examples,)` true classes, at least one.
        statistics: Function of weights `(rounds, examples)`, how often each example was
            drawn, that returns `(rounds,)` values by name. It is called with some rounds at
            a time. NaN, for rounds that have nothing to measure, is ignored.
        confidence: Fraction of the rounds within the interval.
        seed: Seed of the draws.
        groups: `(examples,)` numbers shared by images of one group, such as a patient.

    Returns:
        Low and high end by name.

    Example:
        >>> right = np.array([1.0, 1.0, 0.0, 1.0])
        >>> bootstrap(np.zeros(4, int), lambda weights: {"accuracy": weights @ right / 4})
        {'accuracy': (0.25, 1.0)}
    """
    rounds = [statistics(weights) for weights in draws(labels, groups, seed)]
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    found = {}
    for name in rounds[0]:
        values = np.concatenate([each[name] for each in rounds])
        low, high = np.quantile(values[~np.isnan(values)], tails)
        found[name] = (float(low), float(high))
    return found


def only(
    statistics: Callable[[Floats], Mapping[str, Floats]], names: Collection[str]
) -> Callable[[Floats], dict[str, Floats]]:
    """Returns a function that computes only some statistics of weighted examples."""

    def chosen(weights: Floats) -> dict[str, Floats]:
        return {k: each for k, each in statistics(weights).items() if k in names}

    return chosen


class WeightedScores:
    """Scores of a classifier in which each image counts as often as it was drawn.

    Args:
        labels: `(examples,)` true classes, at least one.
        probabilities: `(examples, classes)`.

    Example:
        >>> scores = WeightedScores(np.array([0, 1, 1]), np.eye(2)[[0, 1, 0]])
        >>> scores(np.array([[1.0, 1.0, 1.0], [1.0, 2.0, 0.0]]))["balanced_accuracy"]
        array([0.75, 1.  ])
    """

    def __init__(self, labels: Labels, probabilities: npt.NDArray[np.floating]) -> None:
        classes = probabilities.shape[1]
        predicted = probabilities.argmax(axis=1)
        present = np.unique(labels)
        right = np.where(labels == predicted, labels, classes)
        self._sums = [_SumsByClass(keys, present) for keys in (right, labels, predicted)]
        self._areas = [
            Areas(labels == label, probabilities[:, label])
            for label in present
            if len(present) > 1
        ]

    def __call__(self, weights: Floats) -> dict[str, Floats]:
        """Returns each score, `(rounds,)`.

        Args:
            weights: `(rounds, examples)`: how often each was drawn.
        """
        right, true, taken = (sums(weights) for sums in self._sums)
        scores = {
            "accuracy": right.sum(axis=1) / true.sum(axis=1),
            "balanced_accuracy": _mean(ratio(right, true)),
            "macro_f1": _mean(np.where(true > 0, ratio(2 * right, true + taken), np.nan)),
        }
        if self._areas:
            areas = [each.roc_auc(weights) for each in self._areas]
            scores["macro_roc_auc"] = _mean(np.stack(areas, axis=1))
        return scores


class _SumsByClass:
    """Sums the weights of the examples of each class, `(rounds, classes)`."""

    def __init__(self, keys: Labels, classes: Labels) -> None:
        self._order = np.argsort(keys, kind="stable")
        present, self._begun = np.unique(keys[self._order], return_index=True)
        self._kept = np.isin(present, classes)
        self._columns = np.searchsorted(classes, present[self._kept])
        self._classes = len(classes)

    def __call__(self, weights: Floats) -> Floats:
        sums = np.zeros((len(weights), self._classes))
        ordered = np.take(weights, self._order, axis=1)
        found = np.add.reduceat(ordered, self._begun, axis=1)
        sums[:, self._columns] = found[:, self._kept]
        return sums


def _mean(values: Floats) -> Floats:
    """Returns the mean over the classes in a round; with groups, some may be missing."""
    return ratio(np.nansum(values, axis=1), (~np.isnan(values)).sum(axis=1))
