"""Scores of multi-label predictions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..statistics.areas import Areas
from ..statistics.intervals import bootstrap, only
from ..statistics.ranking import Floats, ratio
from ..statistics.shares import precision_recall_f1
from .thresholds import with_default

Truth = npt.NDArray[np.bool_]


def multi_label_scores(
    targets: Truth,
    probabilities: npt.NDArray[np.floating],
    label_names: Sequence[str],
    thresholds: Sequence[float | None] | None = None,
    groups: npt.NDArray[np.integer] | None = None,
) -> dict[str, Any]:
    """Scores multi-label predictions.

    Labels of all or no images have no average precision and no ROC AUC (null); means over
    labels exclude them, and `labels_without_both` lists them.

    Args:
        targets: `(images, labels)` bool, at least one image.
        probabilities: `(images, labels)`, each in [0, 1].
        label_names: Names of the labels.
        thresholds: Probability from which each label is predicted, chosen on other images;
            None means 0.5.
        groups: `(images,)` numbers shared by images of one group, such as a patient, which
            intervals resample as a whole. They do not affect scores.

    Returns:
        `images`, `mean_average_precision`, `macro_roc_auc`, `macro_f1`, `micro_f1`,
        `exact_match` (fraction of images with all labels right), `hamming_loss` (fraction
        of wrong labels), `intervals` with both ends of the 95% bootstrap interval of each
        score, `per_label` with `average_precision`, `roc_auc`, `precision`, `recall`, `f1`,
        `threshold` and `support`, and `labels_without_both`; all JSON values.

    Example:
        >>> scores = multi_label_scores(
        ...     np.array([[True, False], [True, True], [False, True]]),
        ...     np.array([[0.9, 0.2], [0.7, 0.6], [0.3, 0.4]]),
        ...     ["benign", "pigmented"],
        ... )
        >>> round(scores["macro_f1"], 3), scores["exact_match"]
        (0.833, 0.6666666666666666)
    """
    chosen = with_default(thresholds or [None] * len(label_names))
    predicted = probabilities >= np.array(chosen)
    weighted = WeightedLabelScores(targets, predicted, probabilities)
    plain = weighted(np.ones((1, len(targets))))
    strata = np.zeros(len(targets), np.int64)  # there are no classes to stratify by
    measured = [name for name, values in plain.items() if not np.isnan(values[0])]
    intervals = bootstrap(strata, only(weighted, measured), groups=groups)
    return {
        "images": len(targets),
        **{name: _number(values[0]) for name, values in plain.items()},
        "intervals": {name: list(ends) for name, ends in intervals.items()},
        "per_label": _per_label(targets, probabilities, predicted, label_names, chosen),
        "labels_without_both": [
            name
            for name, has_both in zip(
                label_names, _has_positives_and_negatives(targets), strict=True
            )
            if not has_both
        ],
    }


class WeightedLabelScores:
    """Multi-label scores in which each image counts as often as it was drawn.

    Args:
        targets: `(images, labels)` bool.
        predicted: `(images, labels)` bool, the predicted labels.
        probabilities: `(images, labels)`, by which images are ranked.
    """

    def __init__(
        self, targets: Truth, predicted: Truth, probabilities: npt.NDArray[np.floating]
    ) -> None:
        self._right = (targets & predicted).astype(np.float64)
        self._true, self._taken = targets.astype(np.float64), predicted.astype(np.float64)
        wrong = targets != predicted
        self._exact = (~wrong.any(axis=1)).astype(np.float64)
        self._wrong = wrong.mean(axis=1)
        self._areas = [
            Areas(targets[:, place], probabilities[:, place])
            for place in np.flatnonzero(_has_positives_and_negatives(targets))
        ]

    def __call__(self, weights: Floats) -> dict[str, Floats]:
        """Returns each score, `(rounds,)`; NaN if a round has nothing to measure.

        Args:
            weights: `(rounds, images)`: how often each was drawn.
        """
        right, true, taken = (
            weights @ each for each in (self._right, self._true, self._taken)
        )
        images = weights.sum(axis=1)
        f1 = np.where(true > 0, ratio(2 * right, true + taken), np.nan)
        pairs = [each.both(weights) for each in self._areas]
        return {
            "mean_average_precision": _mean([precision for _, precision in pairs], images),
            "macro_roc_auc": _mean([area for area, _ in pairs], images),
            "macro_f1": _mean(list(f1.T), images),
            "micro_f1": ratio(2 * right.sum(axis=1), (true + taken).sum(axis=1)),
            "exact_match": weights @ self._exact / images,
            "hamming_loss": weights @ self._wrong / images,
        }


def _per_label(
    targets: Truth,
    probabilities: npt.NDArray[np.floating],
    predicted: Truth,
    label_names: Sequence[str],
    thresholds: Sequence[float],
) -> dict[str, dict[str, Any]]:
    right, support = (targets & predicted).sum(axis=0), targets.sum(axis=0)
    precision, recall, f1 = precision_recall_f1(right, support, predicted.sum(axis=0))
    once = np.ones((1, len(targets)))
    found = {}
    for place, has_both in enumerate(_has_positives_and_negatives(targets)):
        area: float | None = None
        average: float | None = None
        if has_both:
            both = Areas(targets[:, place], probabilities[:, place]).both(once)
            area, average = (float(value[0]) for value in both)
        here = support[place] > 0
        found[label_names[place]] = {
            "average_precision": average,
            "roc_auc": area,
            "precision": float(precision[place]),
            "recall": float(recall[place]) if here else None,
            "f1": float(f1[place]) if here else None,
            "threshold": float(thresholds[place]),
            "support": int(support[place]),
        }
    return found


def _has_positives_and_negatives(targets: Truth) -> npt.NDArray[np.bool_]:
    """Returns whether each label has images with and without it, `(labels,)`."""
    return np.asarray(targets.any(axis=0) & ~targets.all(axis=0))


def _mean(values: Sequence[Floats], images: Floats) -> Floats:
    """Returns the mean over the labels that a round can measure."""
    if not values:
        return np.full(len(images), np.nan)
    rows = np.stack(values, axis=1)
    return ratio(np.nansum(rows, axis=1), (~np.isnan(rows)).sum(axis=1))


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
