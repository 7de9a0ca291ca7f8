"""Models with random weights and in-memory batches for the checks."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ...trainer import Trainer
from ..check import CheckSettings

CLASSES = 9
Callbacks = Mapping[str, Any]


def trainer_for(
    settings: CheckSettings,
    replicas: int,
    callbacks: Callbacks | None = None,
    **options: Any,
) -> Trainer:
    """Creates a Trainer on the first `replicas` devices, without a progress bar."""
    return Trainer(
        strategy="mirrored" if replicas > 1 else "single",
        accelerator=settings.layout.accelerator,
        devices=replicas,
        callbacks={"progress_bar": None, **(callbacks or {})},
        **options,
    )


def labeled_images(count: int, size: int, seed: int = 0) -> tuple[Any, Any]:
    """Returns uint8 noise `(count, size, size, 3)` and int32 labels `(count,)`."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    return images, random.integers(0, CLASSES, count).astype("int32")


def batched(examples: tuple[Any, Any], batch_size: int) -> tf.data.Dataset:
    """Batches examples in order; the last batch may be smaller."""
    return tf.data.Dataset.from_tensor_slices(examples).batch(batch_size)


def mixed_layers(dropout: float = 0.0) -> Callable[[], keras.Model]:
    """Returns a builder of a small network with everything that replicas could get wrong.

    It has a convolution, batch normalization, global gradient clipping, momentum and,
    optionally, dropout.
    """

    def build() -> keras.Model:
        layers = keras.layers
        model = keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                layers.Rescaling(1 / 255),
                layers.Conv2D(8, 3, activation="relu"),
                layers.BatchNormalization(),
                layers.GlobalAveragePooling2D(),
                layers.Dense(16, "relu"),
                layers.Dropout(dropout),
                layers.Dense(CLASSES, "softmax", dtype=_at_least_float32()),
            ]
        )
        optimizer = keras.optimizers.SGD(0.05, momentum=0.9, global_clipnorm=0.5)
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return build


def _at_least_float32() -> str:
    return "float64" if keras.config.floatx() == "float64" else "float32"
