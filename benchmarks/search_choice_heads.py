"""Trains the trials of `search_choice.py`: linear heads on principal components."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import keras_tuner
import numpy as np
import numpy.typing as npt
from scipy.special import softmax
from search_choice_images import Drawings

EPOCHS = 30  # maximum number
PATIENCE = 3  # epochs without a better score, as in trials of a search
BATCH_SIZE = 32
COMPONENTS = (8, 16, 32, 64, 128)

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


def space() -> keras_tuner.HyperParameters:
    """Returns the search space."""
    made = keras_tuner.HyperParameters()
    made.Float("learning_rate", 1e-3, 3e-2, sampling="log")
    made.Float("weight_decay", 1e-3, 3.0, sampling="log")
    made.Float("dropout", 0.0, 0.6)
    made.Choice("components", COMPONENTS)
    for name in ("standardize", "whiten", "class_weights"):
        made.Boolean(name)
    return made


@dataclass(frozen=True)
class Trained:
    """A head after its best epoch.

    Attributes:
        scores: Balanced accuracy on held-out images after each epoch.
        probabilities: Probabilities `(fresh images, classes)` after the best epoch.
    """

    scores: Sequence[float]
    probabilities: Array


class Heads:
    """Trains heads on some images, and scores them on held-out and fresh images.

    Args:
        images: The images of the search.
        fresh: Images that no choice depends on.
        seed: Seed of the order of images and of dropout.
    """

    def __init__(self, images: Drawings, fresh: Drawings, seed: int) -> None:
        self._images, self._fresh = images, fresh
        self._seed = seed
        self._components = cache(self._components_without)

    def train(self, values: Mapping[str, Any], held_out: Mask) -> Trained:
        """Trains with early stopping on held-out images, and keeps the best epoch."""
        inputs, fresh = self._inputs(values, held_out)
        labels = self._images.labels
        head = Head(inputs[~held_out], labels[~held_out], values, self._seed)
        scores: list[float] = []
        best = head.weights
        while len(scores) < EPOCHS and len(scores) - best_epoch(scores) < PATIENCE:
            head.train_epoch()
            predicted = (inputs[held_out] @ head.weights).argmax(axis=1)
            scores.append(balanced_accuracy(labels[held_out], predicted))
            if best_epoch(scores) == len(scores):
                best = head.weights
        return Trained(scores, softmax(fresh @ best, axis=1).astype(np.float32))

    def refit(self, values: Mapping[str, Any], epochs: int) -> float:
        """Trains on all images, and returns the score on fresh images."""
        nothing = np.zeros(len(self._images.labels), bool)
        inputs, fresh = self._inputs(values, nothing)
        head = Head(inputs, self._images.labels, values, self._seed)
        for _ in range(epochs):
            head.train_epoch()
        return self.true_score(fresh @ head.weights)

    def true_score(self, probabilities: Array) -> float:
        """Returns the balanced accuracy on fresh images."""
        return balanced_accuracy(self._fresh.labels, probabilities.argmax(axis=1))

    def _inputs(self, values: Mapping[str, Any], held_out: Mask) -> tuple[Array, Array]:
        """Returns the inputs of a head for images and fresh images, with a bias column."""
        both = self._components(held_out.tobytes(), values["standardize"])
        parts = [each[:, : values["components"]] for each in both]
        known = parts[0][~held_out]
        scale = known.std(axis=0) if values["whiten"] else known[:, 0].std()
        images, fresh = (
            np.pad(x / scale, ((0, 0), (0, 1)), constant_values=1) for x in parts
        )
        return images, fresh

    def _components_without(
        self, held_out: bytes, standardize: bool
    ) -> tuple[Array, Array]:
        """Returns principal components, computed without the held-out images."""
        trained_on = ~np.frombuffer(held_out, bool)
        known = self._images.features[trained_on]
        mean = known.mean(axis=0)
        scale = known.std(axis=0) + 1e-6 if standardize else np.ones_like(mean)
        axes = np.linalg.svd((known - mean) / scale, full_matrices=False)[2]
        axes = axes[: min(max(COMPONENTS), len(known) - 1)].T
        images, fresh = (
            ((each.features - mean) / scale) @ axes for each in (self._images, self._fresh)
        )
        return images, fresh


class Head:
    """Multinomial logistic regression, trained with AdamW from zero weights.

    Args:
        inputs: Inputs `(images, components)`.
        labels: Labels `(images,)`.
        values: The hyperparameters of the trial.
        seed: Seed of the order of images and of dropout.

    Attributes:
        weights: Weights `(components, classes)`; a new array after each step.
    """

    def __init__(
        self, inputs: Array, labels: Array, values: Mapping[str, Any], seed: int
    ) -> None:
        self._inputs, self._values = inputs, values
        self._random = np.random.default_rng(seed)
        self._targets = np.eye(labels.max() + 1)[labels]
        counts = np.bincount(labels)
        even = len(labels) / len(counts) / np.maximum(counts, 1)
        self._importance = even[labels] if values["class_weights"] else np.ones(len(labels))
        self.weights = np.zeros((inputs.shape[1], len(counts)))
        self._moments = np.zeros((2, *self.weights.shape))
        self._step = 0

    def train_epoch(self) -> None:
        """Trains for one epoch."""
        order = self._random.permutation(len(self._inputs))
        for start in range(0, len(order), BATCH_SIZE):
            self._take_step(order[start : start + BATCH_SIZE])

    def _take_step(self, rows: Array) -> None:
        keep = 1 - self._values["dropout"]
        mask = self._random.random((len(rows), self._inputs.shape[1])) < keep
        inputs = self._inputs[rows] * mask / keep
        errors = softmax(inputs @ self.weights, axis=1) - self._targets[rows]
        gradient = inputs.T @ (errors * self._importance[rows, None]) / len(rows)
        self._step += 1
        for moment, new, rate in zip(
            self._moments, (gradient, gradient**2), (0.9, 0.999), strict=True
        ):
            moment += (1 - rate) * (new - moment)
        first = self._moments[0] / (1 - 0.9**self._step)
        second = self._moments[1] / (1 - 0.999**self._step)
        change = first / (np.sqrt(second) + 1e-7)
        change += self._values["weight_decay"] * self.weights
        self.weights = self.weights - self._values["learning_rate"] * change


def best_epoch(scores: Sequence[float]) -> int:
    """Returns the first best epoch, counted from 1; 0 if there is none."""
    return 1 + int(np.argmax(scores)) if scores else 0


def balanced_accuracy(labels: Array, predicted: Array) -> float:
    """Returns the mean recall of all classes."""
    counts = np.bincount(labels)
    right = np.bincount(labels[labels == predicted], minlength=len(counts))
    return float((right[counts > 0] / counts[counts > 0]).mean())
