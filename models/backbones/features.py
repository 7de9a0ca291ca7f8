"""Pools the outputs of a backbone to one feature vector per image."""

from typing import Any

import keras

from ...core.errors import ConfigError, message
from ..keras_graph import producer_of
from .contract import Backbone

LAYER = "features"  # the layer's name in every model with a backbone
# Names of the class token in implementations of vision transformers.
_CLASS_TOKENS = {"class_token", "cls_token"}


def features_of(backbone: Backbone, outputs: Any) -> keras.KerasTensor:
    """Pools outputs to features `(rows, channels)`, with a Keras layer named `features`.

    Feature maps are averaged over positions. Of tokens, the class token, which comes
    first, is used if the network has one, otherwise their mean. These are the features that
    the network's own classifier uses.

    Args:
        backbone: The backbone.
        outputs: Its outputs for some images.

    Raises:
        ConfigError: The outputs are neither feature maps nor tokens nor features.
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
    """Returns whether the first token of a network is a class token."""
    return any(variable.name in _CLASS_TOKENS for variable in network.weights)


def pooling_of(model: keras.Model) -> list[str]:
    """Returns the name of the pooling in a model as a list, empty without pooling."""
    layer = model.get_layer(LAYER)
    if not isinstance(layer, keras.layers.Identity):
        return ["GlobalAveragePooling"]
    return [] if isinstance(producer_of(layer.input), keras.Model) else ["ClassToken"]
