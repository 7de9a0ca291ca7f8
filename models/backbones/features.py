"""From the outputs of a backbone to one feature vector an image."""

from typing import Any

import keras

from ...core.errors import ConfigError, message
from ..keras_graph import producer_of
from .contract import Backbone

LAYER = "features"  # its name in every model that is built on a backbone
# How implementations of vision transformers name the token that stands for the image.
_CLASS_TOKENS = {"class_token", "cls_token"}


def features_of(backbone: Backbone, outputs: Any) -> keras.KerasTensor:
    """Features `(rows, channels)`, from a stock layer named `features`.

    Feature maps are averaged over their cells. Of tokens the class token is taken where
    the network has one, and it then comes first; else their mean. These are the features
    that the networks' own classifiers see.

    Args:
        backbone: The network.
        outputs: What it returns for some images.

    Raises:
        ConfigError: They are neither maps nor tokens nor features.
    """
    last = keras.tree.flatten(outputs)[-1]
    dimensions = len(last.shape)
    if dimensions == 4:
        return keras.layers.GlobalAveragePooling2D(name=LAYER)(last)
    if dimensions == 3 and has_class_token(backbone.network):
        return keras.layers.Identity(name=LAYER)(last[:, 0])
    if dimensions == 3:
        return keras.layers.GlobalAveragePooling1D(name=LAYER)(last)
    if dimensions == 2:
        return keras.layers.Identity(name=LAYER)(last)
    raise ConfigError(
        message(
            "`model.backbone` must return feature maps, tokens or features of images.",
            f"It returns an array of {dimensions} dimensions.",
            **{"model.backbone": backbone.name},
        )
    )


def has_class_token(network: keras.Model) -> bool:
    """Whether the first of a network's tokens stands for the whole image."""
    return any(variable.name in _CLASS_TOKENS for variable in network.weights)


def pooling_of(model: keras.Model) -> list[str]:
    """How a model comes from the outputs of its backbone to features, in a word."""
    layer = model.get_layer(LAYER)
    if not isinstance(layer, keras.layers.Identity):
        return ["GlobalAveragePooling"]
    return [] if isinstance(producer_of(layer.input), keras.Model) else ["ClassToken"]
