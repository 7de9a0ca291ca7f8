"""The model, batches and clock that all sides of `step_overhead.py` share.

Imports only Keras and NumPy, because some sides run without TensorFlow.
"""

import time
from typing import Any, NamedTuple

import keras
import numpy as np

BATCH_SIZE = 32


class Milliseconds(NamedTuple):
    """Wall-clock and CPU milliseconds per step in one epoch."""

    clock: float
    cpu: float


def examples(steps: int) -> tuple[Any, Any]:
    """Returns float32 inputs of shape (n, 16) and int32 labels (n,) for full batches."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(BATCH_SIZE * steps, 16)).astype("float32")
    return inputs, random.integers(0, 4, len(inputs)).astype("int32")


def build(steps_per_execution: int = 1) -> keras.Model:
    """Builds a model with two small layers."""
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((16,)), layers.Dense(32, "relu"), layers.Dense(4, "softmax")]
    )
    model.compile(
        "adam",
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=steps_per_execution,
    )
    return model


class EpochTimes(keras.callbacks.Callback):
    """Measures milliseconds per step in each epoch except the first."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.milliseconds: list[Milliseconds] = []

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        """Starts the clocks."""
        self.started = time.perf_counter(), time.process_time()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """Stops the clocks."""
        ended = time.perf_counter(), time.process_time()
        if epoch > 0:
            seconds = [b - a for a, b in zip(self.started, ended, strict=True)]
            milliseconds = [1000 * each / self.steps for each in seconds]
            self.milliseconds.append(Milliseconds(*milliseconds))
