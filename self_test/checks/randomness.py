"""Checks that dropout masks repeat with the seed, and differ where they should.

The weights of a layer reveal the masks: they start at 0, the inputs are 1 behind a dropout
of one half, and the gradient is -1 for each kept input. After a step with a learning rate
of 1, the weights are twice the mean of all masks.
"""

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ..check import CheckSettings
from ..verdict import Verdict, pass_or_fail
from .subjects import trainer_for

WIDTH = 64
Floats = npt.NDArray[np.float32]


def measure(settings: CheckSettings) -> Verdict:
    """Compares the masks of runs, steps and seeds, with one example per replica."""
    first, again = _masks(settings, steps=1), _masks(settings, steps=1)
    second = _masks(settings, steps=2) - first
    other = _masks(settings, steps=1, seed=1)
    figures = {
        "repeats_with_its_seed": bool(np.array_equal(first, again)),
        "changes_with_the_seed": not np.array_equal(first, other),
        "changes_with_the_step": not np.allclose(first, second),
        "differs_between_replicas": bool(np.any((first > 0.01) & (first < 1.99))),
    }
    wrong = [name.replace("_", " ") for name, is_so in figures.items() if not is_so]
    return pass_or_fail(
        not wrong,
        f"wrong for dropout: {', '.join(wrong)}"
        if wrong
        else "dropout repeats with its seed, and differs between steps, replicas and seeds",
        figures,
    )


def _masks(settings: CheckSettings, steps: int, seed: int = 0) -> Floats:
    """Returns masks, averaged over replicas and summed over steps, times 2, `(WIDTH,)`."""
    replicas = settings.layout.replicas
    ones = np.ones((replicas, WIDTH), "float32")
    dataset = tf.data.Dataset.from_tensor_slices((ones, ones[:, :1])).batch(replicas)
    trainer = trainer_for(settings, replicas, seed=seed, max_epochs=steps)
    result = trainer.fit(_build, dataset)
    return np.array(result.model.get_layer("weights").kernel.numpy()[:, 0])


def _build() -> keras.Model:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((WIDTH,)),
            layers.Dropout(0.5),
            layers.Dense(1, use_bias=False, kernel_initializer="zeros", name="weights"),
        ]
    )
    model.compile(keras.optimizers.SGD(1.0), _negative_loss)
    return model


def _negative_loss(targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Returns a loss per example whose gradient is -1."""
    return -tf.reduce_mean(outputs, axis=-1) * targets[:, 0]
