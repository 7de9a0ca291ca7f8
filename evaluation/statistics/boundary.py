"""Widens bootstrap intervals for classes whose predictions are all right or all wrong.

All draws of such images are equal, so the bootstrap treats the recall of their class as
known. Method: Buehler's exact limits (Journal of the American Statistical Association 52,
1957, pages 482-493) for these classes: the most extreme recalls under which the observed
predictions have a probability of at least 2.5%. With a single class, or for the accuracy
of a model that is always right, these are the limits of Clopper and Pearson (Biometrika 26,
1934). They are combined with the spread of the other classes by the root of the sum of
squares, as for independent parts (Zou, Huang and Zhang, Computational Statistics and Data
Analysis 53, 2009, pages 1080-1085).
"""

import numpy as np
import numpy.typing as npt

from .resampling import Labels

Floats = npt.NDArray[np.float64]
Truth = npt.NDArray[np.bool_]
Interval = tuple[float, float]


def widen(
    intervals: dict[str, Interval],
    labels: Labels,
    right: Truth,
    confidence: float = 0.95,
    groups: Labels | None = None,
) -> dict[str, Interval]:
    """Widens bootstrap intervals of accuracies for classes that are all right or all wrong.

    Args:
        intervals: Bootstrap intervals of `accuracy` and `balanced_accuracy`; others are
            returned unchanged.
        labels: `(examples,)` true classes, at least one.
        right: `(examples,)` bool, whether each prediction is right.
        confidence: Confidence level of the intervals.
        groups: `(examples,)` numbers shared by images of one group, such as a patient,
            which count as one image each.

    Example:
        >>> labels, right = np.repeat([0, 1], [5, 10]), np.ones(15, bool)
        >>> narrow = {"accuracy": (1.0, 1.0), "balanced_accuracy": (1.0, 1.0)}
        >>> wide = widen(narrow, labels, right)
        >>> {name: (round(low, 3), high) for name, (low, high) in wide.items()}
        {'accuracy': (0.782, 1.0), 'balanced_accuracy': (0.739, 1.0)}
    """
    _, places, images = np.unique(labels, return_inverse=True, return_counts=True)
    recalls = np.bincount(places, weights=right) / images
    counts = images if groups is None else _groups_of_classes(places, groups)
    tail = (1 - confidence) / 2
    weights = {
        "accuracy": images / images.sum(),
        "balanced_accuracy": np.full(len(images), 1 / len(images)),
    }
    return intervals | {
        name: _widen_interval(intervals[name], recalls, counts, each, tail)
        for name, each in weights.items()
        if name in intervals
    }


def _groups_of_classes(places: Labels, groups: Labels) -> npt.NDArray[np.intp]:
    pairs = np.unique(np.stack([places, groups]), axis=1)
    return np.bincount(pairs[0])


def _widen_interval(
    interval: Interval,
    recalls: Floats,
    counts: npt.NDArray[np.integer],
    weights: Floats,
    tail: float,
) -> Interval:
    mean = float(weights @ recalls)
    below, above = (
        _max_hidden_deviation(counts[recalls == end], weights[recalls == end], tail)
        for end in (1, 0)
    )
    low = mean - np.hypot(mean - interval[0], below) if below else interval[0]
    high = mean + np.hypot(interval[1] - mean, above) if above else interval[1]
    return max(float(low), 0.0), min(float(high), 1.0)


def _max_hidden_deviation(
    counts: npt.NDArray[np.integer], weights: Floats, probability: float
) -> float:
    """Returns how far mean recalls may be from 0 or 1 at the given probability.

    Maximizes `sum(weights * (1 - p))` subject to `prod(p ** counts) >= probability`. At the
    optimum, p is proportional to counts / weights, but at most 1.
    """
    if not len(counts):
        return 0.0
    ratios = np.log(counts / weights)
    order = np.argsort(ratios)
    ratios, counts, weights = ratios[order], counts[order], weights[order]
    # In p = min(1, scale * ratio): the scale if the first 1, 2, ... classes are below 1.
    scales = (np.log(probability) - np.cumsum(counts * ratios)) / np.cumsum(counts)
    following = np.append(ratios[1:], np.inf)
    scale = scales[np.flatnonzero(scales + following >= 0)[0]]
    return float(weights @ -np.expm1(np.minimum(scale + ratios, 0)))
