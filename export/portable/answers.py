"""Converts the outputs of an exported model to predictions."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .decisions import Decisions, prediction_set, total
from .document import Correction, ModelDocument
from .task_answers import describe_labels, describe_numbers

Floats = npt.NDArray[np.floating]

_SMALLEST_PROBABILITY = float(np.finfo(np.float32).tiny)


class Answers(NamedTuple):
    """The predictions of a model for some images.

    Attributes:
        probabilities: Probabilities, calibrated if the model has a calibration;
            `(images, classes)`.
        uncorrected: Uncalibrated probabilities, to which thresholds and prediction sets
            apply; `(images, classes)`.
    """

    probabilities: Floats
    uncorrected: Floats


def answers_of(outputs: Floats, correction: Correction | None) -> Answers:
    """Computes calibrated and uncalibrated probabilities from outputs.

    Args:
        outputs: Outputs of the exported model, `(images, classes)`.
        correction: The calibration of its probabilities, or None. If the model applies it
            itself, it is undone for the uncalibrated probabilities.
    """
    if correction is None:
        return Answers(outputs, outputs)
    scale, bias = np.array(correction.scale), np.array(correction.bias)
    logarithms = np.log(np.maximum(outputs, _SMALLEST_PROBABILITY, dtype=np.float64))
    if correction.applied_in_graph:
        return Answers(outputs, _softmax((logarithms - bias) / scale))
    return Answers(_softmax(scale * logarithms + bias), outputs)


def describe(answers: Answers, document: ModelDocument) -> list[dict[str, Any]]:
    """Converts the predictions for each image to JSON values.

    `class` and `probability` are the most probable class and its calibrated probability;
    `probabilities` are the calibrated probabilities of all classes, and `groups` those of
    groups of classes. `prediction_set` contains the sufficiently probable classes,
    `operating_points` whether a class or group reaches its threshold, and `abstains`
    whether the model is too uncertain for a prediction. These three use uncalibrated
    probabilities, on which thresholds were chosen, and are null or empty without
    thresholds.

    For other tasks, see `describe_labels` and `describe_numbers`.

    Args:
        answers: Predictions for images.
        document: Description of the model.
    """
    if document.task != "classification":
        names = document.classes
        describe_others = (
            describe_labels if document.task == "multi_label" else describe_numbers
        )
        return describe_others(answers.uncorrected, names, document.rules_of_task)
    rows = zip(answers.probabilities, answers.uncorrected, strict=True)
    return [_describe(*row, document) for row in rows]


def _describe(
    probabilities: Floats, uncorrected: Floats, document: ModelDocument
) -> dict[str, Any]:
    classes, decisions = document.classes, document.decisions
    best = int(probabilities.argmax())
    return {
        "class": classes[best],
        "probability": float(probabilities[best]),
        "probabilities": dict(zip(classes, probabilities.tolist(), strict=True)),
        "prediction_set": _set(uncorrected, document),
        "operating_points": _points(uncorrected, decisions),
        "groups": {
            name: total(probabilities, places) for name, places in decisions.groups.items()
        },
        "abstains": _abstains(uncorrected, decisions),
    }


def _set(uncorrected: Floats, document: ModelDocument) -> list[str] | None:
    sets = document.decisions.prediction_sets
    if sets is None:
        return None
    return [document.classes[place] for place in prediction_set(uncorrected, sets)]


def _points(uncorrected: Floats, decisions: Decisions) -> dict[str, dict[str, Any]]:
    found = {}
    for name, point in decisions.operating_points.items():
        probability = total(uncorrected, point.places)
        found[name] = {
            "reached": probability >= point.threshold,
            "threshold": point.threshold,
            "uncorrected_probability": probability,
        }
    return found


def _abstains(uncorrected: Floats, decisions: Decisions) -> bool | None:
    threshold = decisions.abstention_threshold
    return None if threshold is None else bool(uncorrected.max() < threshold)


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
