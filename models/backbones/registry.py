"""Builds the backbone that `model.backbone` names."""

import keras

from ...core.names import choose
from ..variables import all_layers
from ..weights import load_weights
from . import keras_applications, torch_networks
from .contract import Backbone


def backbone_names() -> tuple[str, ...]:
    """The networks that `model.backbone` takes."""
    return (*keras_applications.MODULES, *torch_networks.NAMES)


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
    choose("model.backbone", name, dict.fromkeys(backbone_names()))
    if name in torch_networks.NAMES:
        backbone = torch_networks.build(name, image_size)
        if weights == "imagenet":
            weights = str(torch_networks.imagenet_file(name))
    else:
        backbone = keras_applications.build(name, image_size, weights == "imagenet")
        weights = None if weights == "imagenet" else weights
    if weights is not None:
        load_weights(backbone.network, weights, backbone.torch_layouts)
    _freeze(backbone.network)
    return backbone


def _freeze(network: keras.Model) -> None:
    network.trainable = False
    for layer in all_layers(network):
        # An outer model that trains would switch it on, `training=False` or not.
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
