"""Computes features of drawn lesions for `search_choice.py`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from keraunos.core.files import replacing
from keraunos.data.synthetic.lesions import KINDS, draw_lesion
from PIL import Image

FRESH_SEED = 1_000_000  # seed of drawings that no trial sees
BATCH = 250

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Drawings:
    """Features and classes of drawn images.

    Attributes:
        features: Features `(images, features)`.
        labels: Class indices `(images,)`.
    """

    features: Floats
    labels: Integers


class DrawnImages:
    """Draws images and computes their features once, with a cache on disk.

    Args:
        folder: The folder for cached features.
        backbone: Name of the network.
        weights: Weights of the network; None for random ones.
        image_size: Height and width of its inputs in pixels.
    """

    def __init__(
        self, folder: Path, backbone: str, weights: str | None, image_size: int
    ) -> None:
        self._folder = folder
        self._network_is = backbone, weights, image_size
        self._size = image_size
        self._network: Any = None

    def get(self, seed: int, count: int) -> Drawings:
        """Returns about `count` drawings of a seed, with the class balance of the data."""
        labels = labels_of(count)
        network = "-".join(map(str, self._network_is))
        path = self._folder / f"{network}-{seed}-{count}.npy"
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            starts = range(0, len(labels), BATCH)
            parts = [self._features(seed, labels, start) for start in starts]
            with replacing(path) as part:
                np.save(part, np.concatenate(parts))
        return Drawings(np.load(path), labels)

    def _features(self, seed: int, labels: Integers, start: int) -> Floats:
        if self._network is None:
            self._network = build_network(*self._network_is)
        names = list(KINDS)
        numbers = range(start, min(start + BATCH, len(labels)))
        images = [self._draw(names[labels[each]], seed, each) for each in numbers]
        features: Floats = self._network(np.stack(images)).numpy()
        return features

    def _draw(self, class_name: str, seed: int, number: int) -> Floats:
        image = Image.fromarray(draw_lesion(class_name, seed, number))
        small = image.resize((self._size, self._size), Image.Resampling.BILINEAR)
        return np.asarray(small, np.float32)


def labels_of(count: int) -> Integers:
    """Returns the class indices `(images,)` of about `count` images."""
    frequencies = np.array([kind.train for kind in KINDS.values()])
    counts = np.rint(count * frequencies / frequencies.sum()).astype(np.intp)
    return np.repeat(np.arange(len(counts)), counts)


def build_network(name: str, weights: str | None, image_size: int) -> Any:
    """Returns a compiled function from RGB in [0, 255] to features."""
    import keras
    import tensorflow as tf
    from keraunos.models.backbones import build_backbone, features_of

    keras.utils.set_random_seed(0)  # for random weights
    backbone = build_backbone(name, weights, image_size)
    inputs = keras.Input((image_size, image_size, 3))
    maps = backbone.network(backbone.preprocess(inputs), training=False)
    return tf.function(keras.Model(inputs, features_of(backbone, maps)))
