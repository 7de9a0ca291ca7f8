"""Networks returned by a user's function: `package.module:function`."""

from collections.abc import Callable
from typing import Any

import keras

from ...core.errors import ConfigError, message
from ...core.user_code import arguments_of, current_folder_first, import_function
from .contract import Backbone

SETTING = "model.backbone"
OFFERED = ("image_size", "weights")


def build(name: str, image_size: int, weights: str | None) -> Backbone:
    """Calls the user's function.

    The function gets `image_size` and `weights` if it has parameters of these names. It
    returns a model without a head that takes RGB in [0, 255], or a model and a function of
    Keras operations that converts RGB in [0, 255] to its inputs.

    Args:
        name: `package.module:function`.
        image_size: Height and width of the images in pixels.
        weights: The setting `model.weights`.

    Raises:
        ConfigError: There is no such function, it requires other arguments, or it does not
            return a model of images.
    """
    function = import_function(name, SETTING)
    arguments = _arguments(name, function, image_size, weights)
    with current_folder_first():  # for its imports when it is called
        returned = function(**arguments)
    is_pair = isinstance(returned, tuple) and len(returned) == 2
    network, preprocess = returned if is_pair else (returned, _unchanged)
    if not _takes_images(network) or not callable(preprocess):
        raise ConfigError(
            message(
                f"`{SETTING}` must name a function that returns a keras.Model of images "
                "`(rows, height, width, 3)`, or such a model and its preprocessing.",
                f"It returned {type(returned).__name__}.",
                **{SETTING: name},
            )
        )
    return Backbone(name, network, preprocess, settings=None)


def _arguments(
    name: str, function: Callable[..., Any], image_size: int, weights: str | None
) -> dict[str, Any]:
    offered = dict(zip(OFFERED, (image_size, weights), strict=True))
    try:
        return arguments_of(name, function, {}, offered)
    except ConfigError:
        raise ConfigError(
            message(
                f"`{SETTING}` must name a function that requires no arguments except "
                f"{' and '.join(OFFERED)}.",
                "Give the others default values, or return a whole model from a "
                "model.builder, which takes model.arguments.",
                **{SETTING: name},
            )
        ) from None


def _takes_images(network: Any) -> bool:
    if not isinstance(network, keras.Model) or not network.built:
        return False
    shapes = [tuple(tensor.shape) for tensor in network.inputs or ()]
    return len(shapes) == 1 and len(shapes[0]) == 4 and shapes[0][3] == 3


def _unchanged(images: Any) -> Any:
    return images
