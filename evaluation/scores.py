"""Scores of a classifier, computed from true classes and probabilities."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .confusion import confusion_matrix
from .statistics.areas import Areas
from .statistics.intervals import bootstrap_intervals
from .statistics.shares import precision_recall_f1


def classification_scores(
    labels: npt.NDArray[np.integer],
    probabilities: npt.NDArray[np.floating],
    class_names: Sequence[str],
    groups: npt.NDArray[np.integer] | None = None,
) -> dict[str, Any]:
    """Scores the predictions of a classifier.

    Classes without examples have no recall and no ROC AUC (null); means over classes
    exclude them, and `classes_without_examples` lists them.

    Args:
        labels: `(examples,)` true classes, at least one.
        probabilities: `(examples, classes)`, each row with sum 1.
        class_names: Names of the classes.
        groups: `(examples,)` numbers shared by images of one group, such as a patient,
            which intervals resample as a whole. They do not affect scores.

    Returns:
        `examples`, `accuracy`, `balanced_accuracy` (mean recall), `macro_f1`,
        `macro_roc_auc` (mean of one class against the rest), `per_class` with
        `precision`, `recall`, `f1`, `roc_auc` and `support`, `confusion_matrix` (a row
        for each true class), `classes_without_examples`, and `intervals` with both ends
        of the 95% bootstrap intervals of the four scores; all JSON values.

    Example:
        >>> scores = classification_scores(
        ...     np.array([0, 0, 1]),
        ...     np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]),
        ...     ["cat", "dog"],
        ... )
        >>> scores["balanced_accuracy"], scores["per_class"]["cat"]["recall"]
        (0.75, 0.5)
    """
    counts = confusion_matrix(labels, probabilities)
    right, support = counts.diagonal(), counts.sum(axis=1)
    precision, recall, f1 = precision_recall_f1(right, support, counts.sum(axis=0))
    areas = _areas_under_roc(labels, probabilities)
    present = support > 0
    per_class = {
        name: {
            "precision": float(precision[place]),
            "recall": float(recall[place]) if present[place] else None,
            "f1": float(f1[place]) if present[place] else None,
            "roc_auc": areas[place],
            "support": int(support[place]),
        }
        for place, name in enumerate(class_names)
    }
    intervals = bootstrap_intervals(labels, probabilities, groups=groups)
    return {
        "examples": len(labels),
        "accuracy": float(right.sum() / len(labels)),
        "balanced_accuracy": _mean(recall[present]),
        "macro_f1": _mean(f1[present]),
        "macro_roc_auc": _mean([area for area in areas if area is not None]),
        "intervals": {name: list(interval) for name, interval in intervals.items()},
        "per_class": per_class,
        "confusion_matrix": counts.tolist(),
        "classes_without_examples": [
            name for name, here in zip(class_names, present, strict=True) if not here
        ],
    }


def _areas_under_roc(
    labels: npt.NDArray[np.integer], probabilities: npt.NDArray[np.floating]
) -> list[float | None]:
    """Returns the ROC AUC of each class against the rest; None if one side is empty."""
    once = np.ones((1, len(labels)))
    areas: list[float | None] = []
    for place in range(probabilities.shape[1]):
        truth = labels == place
        if truth.all() or not truth.any():
            areas.append(None)
        else:
            areas.append(float(Areas(truth, probabilities[:, place]).roc_auc(once)[0]))
    return areas


def _mean(values: Sequence[float] | npt.NDArray[np.floating]) -> float | None:
    return float(np.mean(values)) if len(values) else None
