"""Makes dropout masks visible in weights: do they repeat, and differ where they should?

A layer begins with weights of 0, sees inputs of 1 behind a dropout of one half, and has a
gradient of -1 through what is kept: after a step with a learning rate of 1, its weights are
the mean of all masks, times 2.
"""

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ..check import CheckSettings
from ..verdict import Verdict, right_if
from .subjects import trainer_for

WIDTH = 64
Floats = npt.NDArray[np.float32]


def measure(settings: CheckSettings) -> Verdict:
    """Compares the masks of two steps, with one example on each replica."""
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
    return right_if(
        not wrong,
        f"dropout: not so: {', '.join(wrong)}"
        if wrong
        else "dropout repeats with its seed, and differs between steps, replicas and seeds",
        figures,
    )


def _masks(settings: CheckSettings, steps: int, seed: int = 0) -> Floats:
    """The sum over steps of the mean mask over replicas."""
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
    model.compile(keras.optimizers.SGD(1.0), _minus)
    return model


def _minus(targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """A loss of each example whose gradient is -1."""
    return -tf.reduce_mean(outputs, axis=-1) * targets[:, 0]
