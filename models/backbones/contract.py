"""What every source of backbones returns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

from ..weights import TorchLayout


@dataclass(frozen=True)
class Backbone:
    """A network without its head.

    Attributes:
        name: As `model.backbone` names it.
        network: From preprocessed images `(rows, height, width, 3)` to feature maps
            `(rows, height, width, channels)`, tokens `(rows, tokens, channels)` or
            features `(rows, channels)`. Of several outputs the last one counts.
        preprocess: Turns RGB in [0, 255] into the inputs of `network`, with operations
            of Keras.
        torch_layouts: What files of PyTorch call the layers, if it is known.
        settings: What decides the outputs of `network` beside its layers of Keras and
            their weights: JSON values. None if that can't be told, as of
            the code of a user: whether features can be cached is then found out from the
            graph.
    """

    name: str
    network: keras.Model
    preprocess: Callable[[Any], Any]
    torch_layouts: tuple[TorchLayout, ...] = ()
    settings: Mapping[str, Any] | None = field(default_factory=dict)
