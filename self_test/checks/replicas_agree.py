"""Trains on one device and on several, and compares losses and weights."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ...callbacks import Callback, RunState
from ..check import CheckSettings
from ..verdict import Verdict, right_if
from .subjects import batched, labelled_images, mixed_layers, trainer_for

# Of the distance between weights after training, by how far training has moved them.
TOLERANCES = {
    "float64": 1e-10,
    "float32": 1e-4,
    "mixed_float16": 5e-2,
    "mixed_bfloat16": 2e-1,
}
EPOCHS = 2


class _FirstWeights(Callback):
    """Keeps the weights that training begins with."""

    def on_fit_begin(self, run: RunState) -> None:
        self.weights = _copies(run.model)


def measure(settings: CheckSettings) -> Verdict:
    """Compares two batches and a last one of a single example, for two epochs."""
    precision = settings.options["precision"]
    # Products of ten bits would hide what is looked for.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    if precision == "float64":
        keras.config.set_floatx(precision)
        keras.config.set_dtype_policy(precision)
    one, many = (_train(settings, n) for n in (1, settings.layout.replicas))
    start, expected, losses = one
    _, received, other_losses = many
    moved = _distance(expected, start)
    figures = {
        "weights_differ_by": _distance(received, expected) / moved,
        "tolerance": TOLERANCES[precision],
        "losses_differ_by": float(np.max(np.abs(np.subtract(losses, other_losses)))),
        "replicas": settings.layout.replicas,
    }
    difference, limit = figures["weights_differ_by"], TOLERANCES[precision]
    return right_if(
        difference <= limit,
        f"weights differ by {difference:.1e} of the way that training moved them, at most "
        f"{limit:.0e}",
        figures,
    )


def _train(
    settings: CheckSettings, replicas: int
) -> tuple[list[Any], list[Any], list[float]]:
    """Weights before and after, and the loss of each epoch."""
    batch_size = 8 * settings.layout.replicas
    first = _FirstWeights()
    precision = settings.options["precision"]
    trainer = trainer_for(
        settings,
        replicas,
        {"first_weights": first},
        max_epochs=EPOCHS,
        seed=1,
        precision="float32" if precision == "float64" else precision,
    )
    examples = labelled_images(2 * batch_size + 1, size=8)
    result = trainer.fit(mixed_layers(), batched(examples, batch_size))
    return first.weights, _copies(result.model), result.history["loss"]


def _copies(model: keras.Model) -> list[Any]:
    return [np.array(weight.numpy(), np.float64) for weight in model.weights]


def _distance(first: list[Any], second: list[Any]) -> float:
    squares = [np.sum(np.square(a - b)) for a, b in zip(first, second, strict=True)]
    return float(np.sqrt(np.sum(squares)))
