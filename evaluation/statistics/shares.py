"""Precision, recall and F1 from counts."""

import numpy as np
import numpy.typing as npt

from .ranking import Floats, ratio

Counts = npt.NDArray[np.integer]


def precision_recall_f1(
    right: Counts, true: Counts, predicted: Counts
) -> tuple[Floats, Floats, Floats]:
    """Returns precision, recall and F1 of each class; 0 if undefined.

    Args:
        right: `(classes,)` examples of each class that were predicted as such.
        true: `(classes,)` examples of each class.
        predicted: `(classes,)` examples predicted as each class.

    Example:
        >>> [
        ...     scores.round(3).tolist()
        ...     for scores in precision_recall_f1(*np.array([[1, 0], [2, 0], [1, 1]]))
        ... ]
        [[1.0, 0.0], [0.5, 0.0], [0.667, 0.0]]
    """
    return (
        _share(right, predicted),
        _share(right, true),
        _share(2 * right, true + predicted),
    )


def _share(part: Counts, whole: Counts) -> Floats:
    return np.nan_to_num(ratio(part.astype(np.float64), whole.astype(np.float64)))
