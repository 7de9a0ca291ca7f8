"""Pre-trained networks of keras.applications, without their heads."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from ..core.errors import ConfigError, message
from ..core.names import choose
from ..core.user_path import user_path
from .variables import all_layers

# Name of each network, and the module that knows how its inputs are preprocessed.
_MODULES = {
    "ResNet50": "resnet",
    "ResNet101": "resnet",
    "ResNet152": "resnet",
    "ResNet50V2": "resnet_v2",
    "ResNet101V2": "resnet_v2",
    "ResNet152V2": "resnet_v2",
    "MobileNetV2": "mobilenet_v2",
    "MobileNetV3Small": "mobilenet_v3",
    "MobileNetV3Large": "mobilenet_v3",
    "DenseNet121": "densenet",
    "EfficientNetV2B0": "efficientnet_v2",
    "EfficientNetV2S": "efficientnet_v2",
    "ConvNeXtTiny": "convnext",
}


def backbone_names() -> tuple[str, ...]:
    """The networks that `model.backbone` takes."""
    return tuple(_MODULES)


def build_backbone(name: str, weights: str | None, image_size: int) -> keras.Model:
    """Makes a network without its head, frozen.

    Args:
        name: One of `backbone_names`.
        weights: `"imagenet"`, a file of weights for the network without its head, or
            None for a random start.
        image_size: Height and width of its inputs in pixels.

    Raises:
        ConfigError: No such network, or its weights can't be had.
    """
    choose("model.backbone", name, _MODULES)
    constructor = getattr(keras.applications, name)
    shape = (image_size, image_size, 3)
    if weights == "imagenet":
        backbone = _with_imagenet_weights(constructor, name, shape)
    else:
        backbone = constructor(include_top=False, weights=None, input_shape=shape)
        if weights is not None:
            _load(backbone, user_path(weights))
    backbone.trainable = False
    for layer in all_layers(backbone):
        # An outer model that trains would switch it on, `training=False` or not.
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    return backbone


def preprocessing(name: str) -> Callable[[Any], Any]:
    """The function that turns RGB in [0, 255] into what a network was trained on."""
    module = getattr(keras.applications, _MODULES[name])
    return module.preprocess_input


def _with_imagenet_weights(
    constructor: Callable[..., keras.Model], name: str, shape: tuple[int, int, int]
) -> keras.Model:
    try:
        return constructor(include_top=False, weights="imagenet", input_shape=shape)
    except Exception as error:  # Keras wraps whatever the download fails with
        folder = Path(os.environ.get("KERAS_HOME", "~/.keras")) / "models"
        raise ConfigError(
            message(
                f"`model.weights=imagenet` needs the weights of {name}, and they can't "
                f"be downloaded ({error}).",
                f'On a machine with a network, run python -c "import keras; '
                f'keras.applications.{name}(include_top=False)" and copy the file that '
                f"it puts into ~/.keras/models to {folder} here; or set model.weights "
                "to a weights file, or to null for a random start.",
                **{"model.weights": "imagenet"},
            )
        ) from None


def _load(backbone: keras.Model, path: Path) -> None:
    if not path.is_file():
        raise ConfigError(
            message(
                "`model.weights` must be imagenet, null or a file of weights.",
                "There is no such file.",
                **{"model.weights": str(path)},
            )
        )
    try:
        backbone.load_weights(path)
    except (ValueError, OSError, KeyError) as error:
        raise ConfigError(
            message(
                f"`model.weights` must fit {backbone.name} without its head ({error}).",
                "Files of Keras end in .weights.h5 or .h5.",
                **{"model.weights": str(path)},
            )
        ) from None
