"""The interface of backbones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

from ..weights import TorchLayout


@dataclass(frozen=True)
class Backbone:
    """A network without its head.

    Attributes:
        name: Name in `model.backbone`.
        network: Maps preprocessed images `(rows, height, width, 3)` to feature maps
            `(rows, height, width, channels)`, tokens `(rows, tokens, channels)` or
            features `(rows, channels)`. The last one of several outputs is used.
        preprocess: Converts RGB in [0, 255] to inputs of `network`, with Keras operations.
        torch_layouts: Names of the layers in PyTorch files, if known.
        settings: JSON values that determine the outputs of `network` in addition to its
            Keras layers and weights. None if unknown, as for user code: its graph is then
            checked to decide whether features can be cached.
    """

    name: str
    network: keras.Model
    preprocess: Callable[[Any], Any]
    torch_layouts: tuple[TorchLayout, ...] = ()
    settings: Mapping[str, Any] | None = field(default_factory=dict)
