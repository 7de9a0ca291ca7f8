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

_DROPS = re.compile("Drop|StochasticDepth")  # layer names of several libraries
# Names of the rate in layers that drop something at random.
_RATES = ("rate", "drop_prob", "drop_path_rate")


def build_backbone(name: str, weights: str | None, image_size: int) -> Backbone:
    """Builds a network without its head, frozen.

    Args:
        name: A value of `model.backbone`.
        weights: `"imagenet"` for the published weights, a run or a weights file, or None
            for random weights.
        image_size: Height and width of its inputs in pixels.

    Raises:
        ConfigError: There is no such network, it does not support the image size, or its
            weights can't be loaded.
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
        # A training outer model would activate it, even with `training=False`.
        if _DROPS.search(type(layer).__name__):
            _disable_dropping(layer)


def _disable_dropping(layer: keras.Layer) -> None:
    for name in _RATES:
        if isinstance(getattr(layer, name, None), float | int):
            setattr(layer, name, 0.0)
