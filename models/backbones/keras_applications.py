"""Networks of keras.applications."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from ...core.errors import ConfigError, message
from .contract import Backbone

# Name of each network, and the module that knows how its inputs are preprocessed.
MODULES = {
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


def build(name: str, image_size: int, pretrained: bool) -> Backbone:
    """Builds a network of keras.applications.

    Args:
        name: One of `MODULES`.
        image_size: Height and width of its inputs in pixels.
        pretrained: Whether to load its ImageNet weights; else they are random.

    Raises:
        ConfigError: The weights can't be downloaded.
    """
    constructor = getattr(keras.applications, name)
    shape = (image_size, image_size, 3)
    if pretrained:
        network = _with_imagenet_weights(constructor, name, shape)
    else:
        network = constructor(include_top=False, weights=None, input_shape=shape)
    module = getattr(keras.applications, MODULES[name])
    return Backbone(name, network, module.preprocess_input)


def _with_imagenet_weights(
    constructor: Callable[..., keras.Model], name: str, shape: tuple[int, int, int]
) -> Any:
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
