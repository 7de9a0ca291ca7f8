"""Trains the same model in different ways, and measures how far the weights differ."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from ...callbacks import Callback, RunState
from ..check import CheckSettings
from .subjects import batched, labeled_images, trainer_for

EPOCHS = 2
Weights = list[npt.NDArray[np.float64]]


class Outcome(NamedTuple):
    """The outcome of a training.

    Attributes:
        start: Weights before training.
        end: Weights after training.
        losses: Loss of each epoch.
    """

    start: Weights
    end: Weights
    losses: list[float]


class _FirstWeights(Callback):
    """Keeps a copy of the initial weights."""

    def on_fit_begin(self, run: RunState) -> None:
        self.weights = _copies(run.model)


def train(
    settings: CheckSettings,
    replicas: int,
    build: Callable[[], keras.Model],
    **options: Any,
) -> Outcome:
    """Trains for two epochs on two full batches and a last batch of one example."""
    batch_size = 8 * settings.layout.replicas
    first = _FirstWeights()
    trainer = trainer_for(
        settings,
        replicas,
        {"first_weights": first},
        max_epochs=EPOCHS,
        seed=1,
        **options,
    )
    examples = labeled_images(2 * batch_size + 1, size=8)
    result = trainer.fit(build, batched(examples, batch_size))
    return Outcome(first.weights, _copies(result.model), result.history["loss"])


def difference(received: Outcome, expected: Outcome) -> float:
    """Returns the distance between final weights, relative to their change in training."""
    moved = _distance(expected.end, expected.start)
    return _distance(received.end, expected.end) / moved


def _copies(model: keras.Model) -> Weights:
    return [np.array(weight.numpy(), np.float64) for weight in model.weights]


def _distance(first: Weights, second: Weights) -> float:
    squares = [np.sum(np.square(a - b)) for a, b in zip(first, second, strict=True)]
    return float(np.sqrt(np.sum(squares)))
