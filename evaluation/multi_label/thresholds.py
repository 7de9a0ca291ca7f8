"""Chooses a threshold for each label on validation images."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ..decisions.curves import curve_of

DEFAULT = 0.5


def with_default(thresholds: Iterable[float | None]) -> list[float]:
    """Replaces thresholds that were not chosen by 0.5.

    Example:
        >>> with_default([0.3, None])
        [0.3, 0.5]
    """
    return [DEFAULT if each is None else each for each in thresholds]


def best_f1_thresholds(
    targets: npt.NDArray[np.bool_], probabilities: npt.NDArray[np.floating]
) -> list[float | None]:
    """Returns the threshold of each label with the highest F1.

    A label is predicted if its probability is at least the threshold. Of several thresholds
    with the same F1, the highest is chosen. A threshold is halfway to the next lower score,
    so that it does not depend on rounding.

    Args:
        targets: `(images, labels)` bool, of validation images.
        probabilities: `(images, labels)` in [0, 1].

    Returns:
        A threshold for each label; None for labels of all or no images.

    Example:
        >>> targets = np.array([[True], [False], [True]])
        >>> best_f1_thresholds(targets, np.array([[0.9], [0.2], [0.6]]))
        [0.4]
    """
    return [
        _best_f1(truth, score)
        for truth, score in zip(targets.T, probabilities.T, strict=True)
    ]


def _best_f1(truth: npt.NDArray[np.bool_], score: npt.NDArray[np.floating]) -> float | None:
    if truth.all() or not truth.any():
        return None
    curve = curve_of(truth, score)
    taken = curve.true_positives + curve.false_positives
    best = int(np.argmax(2 * curve.true_positives / (taken + curve.positives)))
    lower = curve.thresholds[best + 1] if best + 1 < len(curve.thresholds) else 0.0
    return float((float(curve.thresholds[best]) + float(lower)) / 2)
