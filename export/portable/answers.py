"""From the outputs of an exported model to answers."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

_SMALLEST_PROBABILITY = float(np.finfo(np.float32).tiny)


class Answers(NamedTuple):
    """What a model says of some images.

    Attributes:
        probabilities: `(images, classes)`, corrected if the model has a correction.
        uncorrected: `(images, classes)`, as the model was trained: what thresholds and
            prediction sets are about.
    """

    probabilities: Floats
    uncorrected: Floats


def answers_of(outputs: Floats, document: Mapping[str, Any]) -> Answers:
    """Answers from outputs.

    Args:
        outputs: `(images, classes)`, of the exported model.
        document: Its `model.json`. If the model applies the correction itself, it is
            undone for the uncorrected probabilities, and never applied twice.
    """
    correction = document["correction"]
    if correction is None:
        return Answers(outputs, outputs)
    scale, bias = _coefficients(correction, outputs.shape[1])
    logarithms = np.log(np.maximum(outputs, _SMALLEST_PROBABILITY, dtype=np.float64))
    if document["applied_in_graph"]:
        return Answers(outputs, _softmax((logarithms - bias) / scale))
    return Answers(_softmax(scale * logarithms + bias), outputs)


def _coefficients(correction: Mapping[str, Any], classes: int) -> tuple[Floats, Floats]:
    if correction["kind"] == "temperature":
        return np.full(classes, 1 / correction["temperature"]), np.zeros(classes)
    return np.array(correction["scale"]), np.array(correction["bias"])


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
