"""Chooses a threshold that meets an aim on validation, and scores it on test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...configs.evaluation import OperatingPointConfig
from ...configs.problems import validated
from ...core.names import printable
from ..evidence import Evidence, Labeled
from ..text import with_interval
from .binary_scores import alarm_scores
from .class_groups import BinaryTask
from .curves import Curve, curve_of

FEW = 30  # with fewer images, the choice of a threshold is uncertain
_ROUNDING = 1e-9  # so that 0.95 of 20 images are 19


@dataclass(frozen=True)
class Aim:
    """The aim of a threshold.

    Attributes:
        kind: `sensitivity`, `specificity` or `threshold`.
        value: The least sensitivity or specificity, or the threshold itself.
    """

    kind: str
    value: float

    def __str__(self) -> str:
        """Returns text such as "a sensitivity of 0.95"."""
        return f"a {self.kind} of {self.value:g}"


@dataclass(frozen=True)
class Point:
    """The result of a threshold, or why there is none.

    Attributes:
        name: Name of the class or group.
        aim: The aim of the threshold.
        values: `aim`, `threshold`, `chosen_on` (`"validation"`, or None if it was given),
            and scores on `validation` and `test`; None if there is no threshold.
        conclusions: The result on test.
        warnings: Reasons to doubt the threshold.
        gaps: Why there is no threshold.
    """

    name: str
    aim: Aim
    values: dict[str, Any] | None = None
    conclusions: Sequence[str] = ()
    warnings: Sequence[str] = ()
    gaps: Sequence[str] = ()


def as_aim(name: str, given: OperatingPointConfig | Mapping[str, Any]) -> Aim:
    """Returns the aim of an entry of `operating_points`.

    Raises:
        ConfigError: The entry has no aim, or several.

    Example:
        >>> as_aim("melanoma", {"sensitivity": 0.95})
        Aim(kind='sensitivity', value=0.95)
    """
    options = given if isinstance(given, Mapping) else given.model_dump()
    checked = validated(OperatingPointConfig, f"operating_points.{name}", **options)
    (aim,) = [Aim(*item) for item in checked if item[1] is not None]
    return aim


def choose_threshold(curve: Curve, aim: Aim) -> float | None:
    """Returns the threshold that meets an aim at the least cost in the other measure.

    For a sensitivity, it is the largest that meets it, which has the fewest false alarms;
    for a specificity, the smallest, which finds the most positives. A threshold is always a
    score that occurs.

    Args:
        curve: Curve on validation images.
        aim: A sensitivity or a specificity.

    Returns:
        The threshold, or None if none meets the aim.

    Example:
        >>> from keraunos.evaluation.decisions.curves import curve_of
        >>> scores = np.array([0.9, 0.7, 0.4, 0.4, 0.1])
        >>> curve = curve_of(np.array([True, False, True, False, False]), scores)
        >>> choose_threshold(curve, Aim("sensitivity", 0.6))
        0.4
        >>> choose_threshold(curve, Aim("specificity", 0.6))
        0.7
    """
    if aim.kind == "sensitivity":
        meets = curve.true_positives >= aim.value * curve.positives - _ROUNDING
        return float(curve.thresholds[np.argmax(meets)])
    true_negatives = curve.negatives - curve.false_positives
    meets = true_negatives >= aim.value * curve.negatives - _ROUNDING
    return float(curve.thresholds[meets][-1]) if meets.any() else None


def measure_point(task: BinaryTask, aim: Aim, evidence: Evidence) -> Point:
    """Chooses a threshold on validation, unless it is given, and scores it on test."""
    validation = evidence.validation
    if aim.kind == "threshold":
        return _score_point(task, aim, evidence, aim.value)
    if validation is None or not len(validation):
        why = "the run has no validation images to choose it on"
        return _missing_point(
            task, aim, why, "Give a threshold, or train with data.validation_split."
        )
    curve = curve_of(task.truth(validation.labels), task.score(validation.probabilities))
    count, whose = _deciding_images(task, aim, curve)
    if count == 0:
        return _missing_point(
            task, aim, f"there are no validation images of {whose}", "Add some."
        )
    threshold = choose_threshold(curve, aim)
    if threshold is None:
        why = "too many validation images of other classes have the highest probability"
        return _missing_point(task, aim, why, "Lower the aim.")
    warnings = _warnings_of_choice(task, aim, curve, threshold)
    return _score_point(task, aim, evidence, threshold, warnings)


def _deciding_images(task: BinaryTask, aim: Aim, curve: Curve) -> tuple[int, str]:
    """Returns the number of images that determine a threshold, and their class."""
    if aim.kind == "sensitivity":
        return curve.positives, printable(task.name)
    return curve.negatives, "others"


def _missing_point(task: BinaryTask, aim: Aim, why: str, remedy: str) -> Point:
    what = f"the threshold of {printable(task.name)} for {aim}"
    return Point(task.name, aim, gaps=[f"not measured: {what}, because {why}. {remedy}"])


def _warnings_of_choice(
    task: BinaryTask, aim: Aim, curve: Curve, threshold: float
) -> list[str]:
    warnings = []
    name = printable(task.name)
    count, whose = _deciding_images(task, aim, curve)
    if count < FEW:
        warnings.append(
            f"The threshold of {name} was chosen on only {count} validation images of "
            f"{whose}; with other images, it could be very different."
        )
    if threshold <= curve.thresholds[-1]:
        warnings.append(
            f"On validation, only the threshold {threshold:.3g}, at which every image is "
            f"classified as {name}, meets {aim}."
        )
    return warnings


def _score_point(
    task: BinaryTask,
    aim: Aim,
    evidence: Evidence,
    threshold: float,
    warnings: Sequence[str] = (),
) -> Point:
    is_given = aim.kind == "threshold"
    test, validation = evidence.test, evidence.validation
    scores = _scores_at(task, threshold, test)
    values = {
        "aim": {aim.kind: aim.value},
        "threshold": threshold,
        "chosen_on": None if is_given else "validation",
        "validation": None
        if validation is None
        else _scores_at(task, threshold, validation),
        "test": scores,
    }
    missed = [] if is_given else _missed_aim_warnings(task, aim, scores)
    return Point(
        task.name,
        aim,
        values,
        _conclusions(task, aim, threshold, scores),
        [*warnings, *missed],
        _sides_without_images(task, scores),
    )


def _sides_without_images(task: BinaryTask, test: Mapping[str, Any]) -> list[str]:
    name = printable(task.name)
    sides = {"sensitivity": name, "specificity": "others"}
    return [
        f"not measured: the {measure} of {name} at its threshold, because the test set has "
        f"no images of {whose}; add some."
        for measure, whose in sides.items()
        if test[measure] is None
    ]


def _scores_at(task: BinaryTask, threshold: float, split: Labeled) -> dict[str, Any]:
    truth, score = task.truth(split.labels), task.score(split.probabilities)
    return alarm_scores(truth, score >= threshold, split.labels, split.groups)


def _missed_aim_warnings(task: BinaryTask, aim: Aim, test: Mapping[str, Any]) -> list[str]:
    high = test["intervals"].get(aim.kind, [0.0, 1.0])[1]
    if high >= aim.value:
        return []
    return [
        f"On test, the {aim.kind} of {printable(task.name)} is "
        f"{with_interval(test, aim.kind)}, below the {aim.value:g} that was met on "
        "validation."
    ]


def _conclusions(
    task: BinaryTask, aim: Aim, threshold: float, test: Mapping[str, Any]
) -> list[str]:
    how = "given" if aim.kind == "threshold" else f"chosen on validation for {aim}"
    positives = test["true_positives"] + test["false_negatives"]
    negatives = test["false_positives"] + test["true_negatives"]
    did = []
    if positives:
        did.append(
            f"found {test['true_positives']} of {positives} {printable(task.name)} of the "
            f"test set ({with_interval(test, 'sensitivity')})"
        )
    if negatives:
        did.append(
            f"raised a false alarm on {test['false_positives']} of {negatives} others"
        )
    if not did:
        return []
    return [f"At the threshold {threshold:.3g}, {how}, the model {' and '.join(did)}."]
