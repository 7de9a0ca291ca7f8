"""Counts at every threshold, for ROC and precision-recall curves."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Curve:
    """Numbers of images with at least a score, for every score that occurs.

    Attributes:
        thresholds: `(points,)` distinct scores, the highest first.
        true_positives: `(points,)` images of the class with at least that score.
        false_positives: `(points,)` other images with at least that score.
        positives: Number of images of the class.
        negatives: Number of other images.

    Example:
        >>> curve = curve_of(np.array([True, False, True]), np.array([0.9, 0.4, 0.4]))
        >>> curve.thresholds.tolist(), curve.sensitivity.tolist()
        ([0.9, 0.4], [0.5, 1.0])
    """

    thresholds: npt.NDArray[np.floating]
    true_positives: Counts
    false_positives: Counts
    positives: int
    negatives: int

    @property
    def sensitivity(self) -> npt.NDArray[np.float64]:
        """`(points,)`: fraction of the positives that are found (recall)."""
        return self.true_positives / self.positives

    @property
    def false_positive_rate(self) -> npt.NDArray[np.float64]:
        """`(points,)`: fraction of the negatives that are false alarms; 1 - specificity."""
        return self.false_positives / self.negatives

    @property
    def precision(self) -> npt.NDArray[np.float64]:
        """`(points,)`: fraction of the alarms that are right."""
        return self.true_positives / (self.true_positives + self.false_positives)

    def thinned(self, most: int) -> "Curve":
        """Returns the curve with fewer thresholds, including the first and the last.

        Half of them are spread over the thresholds, half over the true positives, so that a
        rare class keeps its steps. Counts stay exact.

        Args:
            most: Maximum number of thresholds.
        """
        count = len(self.thresholds)
        if count <= most:
            return self
        even = np.linspace(0, count - 1, most // 2).round().astype(np.int64)
        found = np.linspace(0, self.positives, most - most // 2)
        steps = np.searchsorted(self.true_positives, found)
        kept = np.unique(np.concatenate([even, np.minimum(steps, count - 1)]))
        return Curve(
            self.thresholds[kept],
            self.true_positives[kept],
            self.false_positives[kept],
            self.positives,
            self.negatives,
        )


def curve_of(truth: npt.NDArray[np.bool_], score: npt.NDArray[np.floating]) -> Curve:
    """Counts positives at every threshold.

    Args:
        truth: `(images,)` bool, whether each image is of the class.
        score: `(images,)`; images with at least the threshold are predicted as positive.
    """
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    last = np.append(np.flatnonzero(np.diff(ordered)), len(score) - 1)  # of equal scores
    true_positives = np.cumsum(truth[order], dtype=np.int64)[last]
    positives = int(truth.sum())
    return Curve(
        ordered[last],
        true_positives,
        last + 1 - true_positives,
        positives,
        len(truth) - positives,
    )
