"""Metrics of a classifier by the name that they have in a configuration."""

import re
from collections.abc import Callable, Sequence

import keras

from .metrics import Accuracy, BalancedAccuracy, ClassRecall, MacroF1, MacroRocAuc


def create_metrics(
    names: Sequence[str], num_classes: int, class_names: Sequence[str] | None = None
) -> list[keras.metrics.Metric]:
    """Makes what `compile` takes as metrics.

    Args:
        names: As in `model.metrics`; `recall_per_class` is a metric for each class.
        num_classes: The number of classes.
        class_names: Names of the classes; numbers by default.

    Example:
        >>> [each.name for each in create_metrics(["recall_per_class"], 2, ["a b", "c"])]
        ['recall_a_b', 'recall_c']
    """
    made: list[keras.metrics.Metric] = []
    for name in names:
        if name == "recall_per_class":
            labels = enumerate(class_names or [str(n) for n in range(num_classes)])
            made += [ClassRecall(n, f"recall_{in_metric_name(each)}") for n, each in labels]
        else:
            made.append(_OF_ALL[name](num_classes))
    return made


_OF_ALL: dict[str, Callable[[int], keras.metrics.Metric]] = {
    "accuracy": lambda _: Accuracy(),
    "balanced_accuracy": BalancedAccuracy,
    "macro_f1": MacroF1,
    "macro_roc_auc": MacroRocAuc,
}


def in_metric_name(class_name: str) -> str:
    """A class name as a part of the name of a metric: letters, digits and underscores."""
    return re.sub(r"\W+", "_", class_name.strip())
