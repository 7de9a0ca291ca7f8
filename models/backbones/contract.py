"""What every source of backbones returns."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class Backbone:
    """A network without its head.

    Attributes:
        name: As `model.backbone` names it.
        network: From preprocessed images `(rows, height, width, 3)` to feature maps
            `(rows, height, width, channels)`, or to features `(rows, channels)`.
        preprocess: Turns RGB in [0, 255] into the inputs of `network`, with operations
            of Keras.
    """

    name: str
    network: keras.Model
    preprocess: Callable[[Any], Any]
