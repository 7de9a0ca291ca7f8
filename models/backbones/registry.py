"""Builds the backbone that `model.backbone` names."""

import keras

from ...core.names import choose
from ..variables import all_layers
from ..weights import load_weights
from . import keras_applications
from .contract import Backbone


def backbone_names() -> tuple[str, ...]:
    """The networks that `model.backbone` takes."""
    return tuple(keras_applications.MODULES)


def build_backbone(name: str, weights: str | None, image_size: int) -> Backbone:
    """Builds a network without its head, frozen.

    Args:
        name: One of `backbone_names`.
        weights: `"imagenet"`, a file of weights for the network without its head, or
            None for a random start.
        image_size: Height and width of its inputs in pixels.

    Raises:
        ConfigError: There is no such network, or its weights can't be had.
    """
    choose("model.backbone", name, keras_applications.MODULES)
    backbone = keras_applications.build(name, image_size, weights == "imagenet")
    if weights not in (None, "imagenet"):
        load_weights(backbone.network, weights)
    _freeze(backbone.network)
    return backbone


def _freeze(network: keras.Model) -> None:
    network.trainable = False
    for layer in all_layers(network):
        # An outer model that trains would switch it on, `training=False` or not.
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
