"""Selective classification: the error rate among the most confident predictions.

Method: Geifman and El-Yaniv, Selective Classification for Deep Neural Networks, 2017. An
answer is kept if the probability of the most probable class reaches a threshold, so images
with equal probabilities are kept or rejected together.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..statistics.ranking import Floats, Ranking


@dataclass(frozen=True)
class Curve:
    """Numbers of kept and wrong answers by threshold, the highest first.

    Attributes:
        thresholds: `(thresholds,)`: distinct probabilities of predicted classes.
        kept: `(thresholds,)`: number of images that reach each.
        wrong: `(thresholds,)`: number of wrong answers among them.
    """

    thresholds: Floats
    kept: npt.NDArray[np.int64]
    wrong: npt.NDArray[np.int64]

    def place_of_share(self, share: float) -> int:
        """Returns the position of the highest threshold that keeps the share of images."""
        wanted = math.ceil(share * self.kept[-1] - 1e-9)
        return int(np.searchsorted(self.kept, wanted))

    def place_of_risk(self, risk: float) -> int | None:
        """Returns the position of the lowest threshold with at most the given risk.

        One wrong answer is added to those kept, because a few right answers are no evidence
        of a small risk. None if there is no such threshold.
        """
        enough = np.flatnonzero(self.wrong + 1 <= risk * (self.kept + 1) + 1e-9)
        return int(enough[-1]) if len(enough) else None

    def at(self, threshold: float) -> tuple[int, int]:
        """Returns the numbers of kept and of wrong answers at any threshold."""
        reached = int((self.thresholds >= threshold).sum())
        if not reached:
            return 0, 0
        return int(self.kept[reached - 1]), int(self.wrong[reached - 1])

    def thinned(self, most: int) -> "Curve":
        """Returns at most `most` thresholds, including the first and the last."""
        count = len(self.thresholds)
        places = np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int))
        return Curve(self.thresholds[places], self.kept[places], self.wrong[places])


class SelectiveRisk:
    """The images of a split, ranked by confidence.

    Args:
        labels: `(images,)` true classes, at least one.
        probabilities: `(images, classes)`.

    Example:
        >>> rows = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
        >>> risk = SelectiveRisk(np.array([0, 1, 1]), rows)
        >>> risk.curve().kept.tolist(), risk.curve().wrong.tolist()
        ([1, 2, 3], [0, 0, 1])
        >>> risk.areas(np.ones((1, 3))).round(3).tolist()
        [0.111]
    """

    def __init__(
        self, labels: npt.NDArray[np.integer], probabilities: npt.NDArray[np.floating]
    ) -> None:
        is_right = probabilities.argmax(axis=1) == labels
        confidence = probabilities.max(axis=1).astype(np.float64)
        self._ranking = Ranking(is_right, confidence)
        self._images = len(labels)

    def curve(self) -> Curve:
        """Returns the risk-coverage curve."""
        kept, wrong = self._cumulative(np.ones((1, self._images)))
        thresholds = self._ranking.distinct[::-1].astype(np.float64)
        return Curve(thresholds, kept[0].astype(np.int64), wrong[0].astype(np.int64))

    def areas(self, weights: Floats) -> Floats:
        """Returns the areas under the risk-coverage curve (AURC), `(rounds,)`.

        Args:
            weights: `(rounds, images)`: how often each image counts.
        """
        kept, wrong = self._cumulative(weights)
        added = np.diff(kept, prepend=0)
        risks = wrong / np.maximum(kept, 1)
        return (added * risks).sum(axis=1) / kept[:, -1]

    def _cumulative(self, weights: Floats) -> tuple[Floats, Floats]:
        """Returns kept and wrong answers, `(rounds, thresholds)`, the highest first."""
        right, wrong = (sums[:, ::-1] for sums in self._ranking.sums(weights))
        return np.cumsum(right + wrong, axis=1), np.cumsum(wrong, axis=1)
