"""Summarizes the scores of the folds of a cross-validation."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

SCORES = (
    "accuracy",
    "balanced_accuracy",
    "mean_average_precision",
    "macro_f1",
    "macro_roc_auc",
    "exact_match",
    "mean_absolute_error",
    "root_mean_squared_error",
    "r2",
)


def summarize_folds(folds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns means and standard deviations over folds, and the sum of confusion matrices.

    Every image is validated once, by a model that did not train on it. The training sets of
    folds overlap, so the standard deviation underestimates that of independent trainings
    (Bengio and Grandvalet, 2004).

    Args:
        folds: For each fold, the scores of its validation images.

    Returns:
        `folds`; for each score, the `mean`, `standard_deviation` (with n - 1) and `values`
        of the folds that have it; for classifiers, `confusion_matrix`, the sum; all JSON
        values.

    Example:
        >>> one = {"accuracy": 0.5, "confusion_matrix": [[1, 0], [1, 0]]}
        >>> two = {"accuracy": 1.0, "confusion_matrix": [[1, 0], [0, 1]]}
        >>> summary = summarize_folds([one, two])
        >>> summary["accuracy"]["mean"], summary["confusion_matrix"]
        (0.75, [[2, 0], [1, 1]])
    """
    summary: dict[str, Any] = {"folds": len(folds)}
    for name in SCORES:
        values = [fold[name] for fold in folds if fold.get(name) is not None]
        if values:
            summary[name] = {
                "mean": float(np.mean(values)),
                "standard_deviation": float(np.std(values, ddof=1))
                if len(values) > 1
                else None,
                "values": values,
            }
    matrices = [np.array(f["confusion_matrix"]) for f in folds if "confusion_matrix" in f]
    if matrices:
        summary["confusion_matrix"] = sum(matrices[1:], matrices[0]).tolist()
    return summary
