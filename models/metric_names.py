"""Creates the metrics of a classifier from their names in a configuration."""

import re
from collections.abc import Callable, Sequence

import keras

from .metrics import Accuracy, BalancedAccuracy, ClassRecall, MacroF1, MacroRocAuc


def create_metrics(
    names: Sequence[str], num_classes: int, class_names: Sequence[str] | None = None
) -> list[keras.metrics.Metric]:
    """Creates metrics for `compile`.

    Args:
        names: Names as in `model.metrics`; `recall_per_class` is a metric per class.
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
    """Converts a class name to letters, digits and underscores, for a metric's name."""
    return re.sub(r"\W+", "_", class_name.strip())
