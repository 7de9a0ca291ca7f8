"""Evaluates operating points: thresholds chosen on validation and scored on test.

Each class, and each group of classes, is scored against all others.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ...configs.evaluation import OperatingPointConfig
from ...core.names import printable, some
from ..evidence import Evidence, Labeled
from ..finding import Finding, Table
from ..statistics.areas import Areas
from ..text import with_interval
from .binary_scores import SHARES, ranking_scores
from .check_names import require_names
from .class_groups import BinaryTask, binary_tasks
from .curves import Curve, curve_of
from .operating_figures import precision_recall_figure, roc_figure
from .thresholds import Point, as_aim, measure_point

MOST_THRESHOLDS = 200  # per curve
MOST_CURVES = 50  # those of classes with an aim and of groups first

Values = dict[str, Any]

_EXPLANATION = (
    "Each class, and each group of classes, is scored against all others by its "
    "probability (for a group, the sum over its classes). ROC AUC is the probability that "
    "an image of the class is ranked above another one: 0.5 by chance. Average precision "
    "summarizes the precision-recall curve: by chance, it is the fraction of the class. "
    "Thresholds are chosen on validation images and scored on test images. Precision and "
    "negative predictive value are valid for the class frequencies of the test set, and "
    "change if a class is rarer or more common."
)


class OperatingPoints:
    """Measures curves of each class and group, and thresholds that meet an aim.

    Args:
        targets: One aim per class or group: `sensitivity`, `specificity` or `threshold`.
        groups: Classes that are scored together, by name of the group.

    Raises:
        ConfigError: A target has no aim, or several.

    Example:
        >>> import numpy as np
        >>> from keraunos.evaluation.evidence import as_labeled
        >>> from keraunos.evaluation.predictions import Predictions
        >>> names, labels = [f"{n}.png" for n in range(40)], np.arange(40) % 2
        >>> outputs = np.where(np.eye(2)[labels] > 0, 0.75, 0.25)
        >>> split = as_labeled(Predictions(names, outputs, ["cat", "dog"], labels))
        >>> points = OperatingPoints({"dog": {"sensitivity": 0.9}})
        >>> finding = points.evaluate(Evidence(split, validation=split))
        >>> finding.values["dog"]["operating_point"]["threshold"]
        0.75
    """

    def __init__(
        self,
        targets: Mapping[str, OperatingPointConfig | Mapping[str, Any]] | None = None,
        groups: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.groups = dict(groups or {})
        self.aims = {name: as_aim(name, each) for name, each in (targets or {}).items()}

    def evaluate(self, evidence: Evidence) -> Finding:
        """Measures every class and group on test.

        Raises:
            ConfigError: A group or target is unknown; all problems are listed.
        """
        require_names(evidence.class_names, self.groups, self.aims)
        tasks = binary_tasks(evidence.class_names, self.groups)
        tasks.sort(key=lambda task: (task.name not in self.aims, not task.is_group))
        values = _values(tasks, evidence.test)
        points = [
            measure_point(task, self.aims[task.name], evidence)
            for task in tasks
            if task.name in self.aims
        ]
        for point in points:
            values[point.name]["operating_point"] = point.values
        return _finding(values, points)


def _values(tasks: Sequence[BinaryTask], test: Labeled) -> dict[str, Values]:
    values: dict[str, Values] = {}
    areas = {}
    for task in tasks:
        truth, score = task.truth(test.labels), task.score(test.probabilities)
        values[task.name] = {
            "classes": [test.class_names[place] for place in task.places],
            "is_group": task.is_group,
            "positives": int(truth.sum()),
            "negatives": int((~truth).sum()),
        }
        if truth.any() and not truth.all():
            values[task.name]["curve"] = _thinned(curve_of(truth, score))
            areas[task.name] = Areas(truth, score)
    measured = ranking_scores(areas, test.labels, test.groups)
    return {name: each | measured.get(name, {}) for name, each in values.items()}


def _thinned(curve: Curve) -> Values:
    thin = curve.thinned(MOST_THRESHOLDS)
    return {
        "thresholds": thin.thresholds.tolist(),
        "true_positives": thin.true_positives.tolist(),
        "false_positives": thin.false_positives.tolist(),
    }


def _finding(values: dict[str, Values], points: Sequence[Point]) -> Finding:
    curves = [name for name, each in values.items() if "curve" in each]
    for name in curves[MOST_CURVES:]:
        del values[name]["curve"]
    drawn = {name: values[name] for name in curves[:MOST_CURVES]}
    gaps = [*_classes_without_curve(values), *_curves_left_out(curves[MOST_CURVES:])]
    figures = {
        "roc": roc_figure(drawn),
        "precision_recall": precision_recall_figure(drawn),
    }
    return Finding(
        "Operating points",
        _EXPLANATION,
        values=values,
        conclusions=[each for point in points for each in point.conclusions],
        warnings=[each for point in points for each in point.warnings],
        gaps=gaps + [each for point in points for each in point.gaps],
        tables=[_areas(values), *_thresholds(points)],
        figures=figures if drawn else {},
    )


def _classes_without_curve(values: Mapping[str, Values]) -> list[str]:
    gaps = []
    for name, each in values.items():
        sides = {printable(name): each["positives"], "others": each["negatives"]}
        gaps += [
            f"not measured: curves of {printable(name)}, because the test set has no "
            f"images of {side}; add some."
            for side, count in sides.items()
            if count == 0
        ]
    return gaps


def _curves_left_out(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    return [
        f"not drawn: curves of {some(names, 3)}; to draw the curves of a class, name it in "
        "evaluation.operating_points."
    ]


def _areas(values: Mapping[str, Values]) -> Table:
    header = ["class or group", "test images", "ROC AUC", "average precision", "by chance"]
    rows = [
        [
            printable(name),
            each["positives"],
            with_interval(each, "roc_auc"),
            with_interval(each, "average_precision"),
            round(each["positives"] / max(each["positives"] + each["negatives"], 1), 3),
        ]
        for name, each in values.items()
    ]
    return Table("Each against all others", header, rows)


def _thresholds(points: Sequence[Point]) -> list[Table]:
    measured = [(point, point.values) for point in points if point.values is not None]
    if not measured:
        return []
    header = ["class or group", "aim", "threshold", *SHARES, "f1"]
    rows = [
        [
            printable(point.name),
            str(point.aim),
            f"{values['threshold']:.3g}",
            *(with_interval(values["test"], name) for name in (*SHARES, "f1")),
        ]
        for point, values in measured
    ]
    shown = [name.replace("_", " ").replace("f1", "F1") for name in header]
    return [Table("Thresholds, on test images", shown, rows)]
