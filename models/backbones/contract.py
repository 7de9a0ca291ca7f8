"""What every source of backbones returns."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from ..weights import TorchLayout


@dataclass(frozen=True)
class Backbone:
    """A network without its head.

    Attributes:
        name: As `model.backbone` names it.
        network: From preprocessed images `(rows, height, width, 3)` to feature maps
            `(rows, height, width, channels)`, or to features `(rows, channels)`.
        preprocess: Turns RGB in [0, 255] into the inputs of `network`, with operations
            of Keras.
        torch_layouts: What files of PyTorch call the layers, if it is known.
    """

    name: str
    network: keras.Model
    preprocess: Callable[[Any], Any]
    torch_layouts: tuple[TorchLayout, ...] = ()
