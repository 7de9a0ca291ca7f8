"""Builds the backbone that `model.backbone` names."""

import keras

from ...core.names import choose
from ..variables import all_layers
from ..weights import load_weights
from . import efficientnet_lite, keras_applications
from .contract import Backbone
from .lite0_file import lite0_file


def backbone_names() -> tuple[str, ...]:
    """The networks that `model.backbone` takes."""
    return (*keras_applications.MODULES, *efficientnet_lite.VARIANTS)


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
    if name in efficientnet_lite.VARIANTS:
        backbone = efficientnet_lite.build(name, image_size)
        weights = str(lite0_file()) if weights == "imagenet" else weights
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
