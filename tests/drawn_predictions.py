"""Predictions of classifiers that were never trained: right more often than not."""

from collections.abc import Sequence

import numpy as np
from keraunos.evaluation import Predictions
from keraunos.evaluation.evidence import Labeled, as_labeled

CLASSES = ("cat", "dog", "emu")


def drawn_predictions(
    images: int, seed: int, classes: Sequence[str] = CLASSES, skill: float = 1.5
) -> Predictions:
    """Labels, and probabilities with few digits, so that some are equal."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, len(classes), images).astype(np.int32)
    logits = random.normal(size=(images, len(classes)))
    logits += skill * np.eye(len(classes))[labels]
    rounded = np.round(np.exp(logits) / np.exp(logits).sum(1, keepdims=True), 2) + 1e-3
    probabilities = (rounded / rounded.sum(1, keepdims=True)).astype(np.float32)
    names = [f"images/{number}.png" for number in range(images)]
    return Predictions(names, probabilities, list(classes), labels)


def drawn(images: int, seed: int, **options: object) -> Labeled:
    """The same, as evaluators take them."""
    return as_labeled(drawn_predictions(images, seed, **options))
