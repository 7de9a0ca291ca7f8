"""Predictions whose true calibration is known: labels are drawn from them."""

import numpy as np
from keraunos.evaluation.evidence import Labeled
from scipy.special import softmax


def simulated(
    images: int, classes: int = 4, sharpness: float = 1.0, seed: int = 0
) -> Labeled:
    """Images whose labels are drawn from probabilities that are then made sharper.

    A sharpness of 1 is calibrated; a temperature of 3 corrects one of 3.
    """
    random = np.random.default_rng(seed)
    logits = 1.5 * random.normal(size=(images, classes))
    labels = drawn_from(softmax(logits, axis=1), seed + 1)
    return labeled(softmax(sharpness * logits, axis=1), labels)


def drawn_from(probabilities: np.ndarray, seed: int = 0) -> np.ndarray:
    """A label for each row of probabilities, drawn from them."""
    random = np.random.default_rng(seed)
    above = random.random((len(probabilities), 1)) > probabilities.cumsum(axis=1)
    return above[:, :-1].sum(axis=1).astype(np.int32)


def labeled(probabilities: np.ndarray, labels: np.ndarray) -> Labeled:
    """Predictions as evaluators see them, with classes named a, b, c, ..."""
    count, classes = probabilities.shape
    return Labeled(
        [f"{number}.png" for number in range(count)],
        np.asarray(labels, np.int32),
        np.asarray(probabilities, np.float32),
        [chr(ord("a") + place) for place in range(classes)],
        np.zeros(count, bool),
    )
