"""Builds the backbone that `model.backbone` names."""

import re

import keras

from ...configs.backbone import is_function, is_of_hub, problem_of_name, problem_of_size
from ...configs.weights import IMAGENET, find_weights
from ...core.errors import ConfigError
from ..variables import all_layers
from ..weights import load_weights
from . import hub, keras_applications, torch_networks, user_function
from .contract import Backbone

_DROPS = re.compile("Drop|StochasticDepth")  # names of layers of any library
# What layers that leave something out at random call the part that they leave out.
_RATES = ("rate", "drop_prob", "drop_path_rate")


def build_backbone(name: str, weights: str | None, image_size: int) -> Backbone:
    """Builds a network without its head, frozen.

    Args:
        name: As `model.backbone` takes it.
        weights: `"imagenet"` for those that the network comes with, a run or a file of
            weights for the network, or None for a random start.
        image_size: Height and width of its inputs in pixels.

    Raises:
        ConfigError: There is no such network, it takes no images of that size, or its
            weights can't be had.
    """
    problem = problem_of_name(name) or problem_of_size(name, image_size)
    if problem:
        raise ConfigError(problem)
    path = find_weights(name, weights)
    backbone = _build(name, weights, image_size)
    if path is not None:
        if weights == IMAGENET:
            torch_networks.require_published(path)
        load_weights(backbone.network, path, name, backbone.torch_layouts)
    _freeze(backbone.network)
    return backbone


def _build(name: str, weights: str | None, image_size: int) -> Backbone:
    if is_of_hub(name):
        return hub.build(name, image_size, weights == "imagenet")
    if is_function(name):
        return user_function.build(name, image_size, weights)
    if name in torch_networks.NAMES:
        return torch_networks.build(name, image_size)
    return keras_applications.build(name, image_size, weights == "imagenet")


def _freeze(network: keras.Model) -> None:
    network.trainable = False
    for layer in all_layers(network):
        # An outer model that trains would switch it on, `training=False` or not.
        if _DROPS.search(type(layer).__name__):
            _leave_nothing_out(layer)


def _leave_nothing_out(layer: keras.Layer) -> None:
    for name in _RATES:
        if isinstance(getattr(layer, name, None), float | int):
            setattr(layer, name, 0.0)
