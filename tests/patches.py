"""A task that depends on the color of a bright patch, and models built to solve it."""

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
from keraunos.core.errors import DataError
from keraunos.evaluation.evidence import Evidence, as_labeled
from keraunos.evaluation.predictions import Predictions
from keraunos.trainer.subject import TrainedModel

SIZE, CELL = 32, 4
COLORS = ("red", "green", "blue")
layers = keras.layers


def patch_model(nesting: int = 0, dtype: str = "float32", head: Any = None) -> keras.Model:
    """A convolution that detects colors, pooling, and a head that picks the strongest.

    Args:
        nesting: Number of models around the convolution, without the outer one.
        dtype: Policy of all layers except the head.
        head: Other layers on the pooled colors, in place of the head.
    """
    kernel = np.tile(np.eye(3, dtype="float32") / CELL**2, (CELL, CELL, 1, 1))
    parts: list[Any] = [
        layers.Conv2D(
            3,
            CELL,
            CELL,
            activation="relu",
            name="colors",
            dtype=dtype,
            kernel_initializer=keras.initializers.Constant(kernel),
        )
    ]
    for level in range(nesting):
        inputs = keras.Input((SIZE, SIZE, 3))
        pooled = [layers.GlobalAveragePooling2D(dtype=dtype)] if level == 1 else []
        inner = _chained(inputs, [*parts, *pooled])
        parts = [keras.Model(inputs, inner, name=f"level{level}")]
    images = keras.Input((SIZE, SIZE, 3))
    tensor = _chained(images, [layers.Rescaling(1 / 255, dtype=dtype), *parts])
    if len(tensor.shape) == 4:
        tensor = layers.GlobalAveragePooling2D(dtype=dtype)(tensor)
    weights = keras.initializers.Constant(64 * np.eye(3) - 20)
    plain = [layers.Dense(3, "softmax", kernel_initializer=weights, dtype="float32")]
    return keras.Model(images, _chained(tensor, head or plain))


def patch_images(
    count: int = 24, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images with a bright patch of the color of their class, and dim ones of all others.

    Returns:
        Images `(count, 32, 32, 3)` uint8, classes `(count,)`, and the cell of the patch of
        each color `(count, 3, 2)` on a grid of 8 by 8.
    """
    random = np.random.default_rng(seed)
    images = random.integers(0, 20, (count, SIZE, SIZE, 3), dtype=np.uint8)
    labels = np.arange(count, dtype=np.int32) % 3
    places = np.empty((count, 3, 2), int)
    for row, label in enumerate(labels):
        cells = random.choice(64, 3, replace=False)
        places[row] = np.stack(np.unravel_index(cells, (8, 8)), axis=1)
        for color, (down, right) in enumerate(places[row] * CELL):
            bright = 250 if color == label else 120
            images[row, down : down + CELL, right : right + CELL, color] = bright
    return images, labels, places


class PatchSplit:
    """The images as a split; some may be missing."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self._images, self.labels = images, labels
        self.names = [f"photos/{COLORS[n]}/{row}.png" for row, n in enumerate(labels)]
        self.class_names = COLORS
        self.gone: set[int] = set()

    def images(self, places: np.ndarray) -> np.ndarray:
        if lost := self.gone.intersection(places.tolist()):
            raise DataError(f"{self.names[min(lost)]} is gone")
        return self._images[places]


def patch_subject(model: keras.Model, count: int = 24, batch_size: int = 7) -> Any:
    """The model with such images, and what it predicted for them."""
    images, labels, places = patch_images(count)
    split = PatchSplit(images, labels)
    subject = TrainedModel(model, split, None, batch_size)
    outputs = np.asarray(model(images.astype("float32"), training=False))
    predictions = Predictions(split.names, outputs, COLORS, labels)
    evidence = Evidence(as_labeled(predictions))
    return SimpleNamespace(
        subject=subject, split=split, evidence=evidence, images=images, places=places
    )


def _chained(tensor: Any, parts: list[Any]) -> Any:
    for part in parts:
        tensor = part(tensor)
    return tensor
