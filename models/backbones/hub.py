"""Networks of KerasHub: `keras_hub:PRESET` and `keras_hub:DIRECTORY`."""

import functools
from collections.abc import Callable
from importlib import metadata
from typing import Any

import keras

from ...configs.backbone import HUB
from ...configs.hub_presets import SETTING, find_preset, is_directory
from ...core.console import notify
from ...core.errors import ConfigError, message
from ...core.suggestion import Suggestion
from ..keras_graph import is_of_keras
from ..variables import all_layers
from .contract import Backbone

_CONVERTER_FILE = "image_converter.json"


def build(name: str, image_size: int, pretrained: bool) -> Backbone:
    """Builds the network of a preset.

    Args:
        name: `keras_hub:` and a preset, or a directory written by KerasHub's
            `save_to_preset`.
        image_size: Height and width of its inputs in pixels.
        pretrained: Whether to load the weights of the preset; otherwise they are random.

    Raises:
        ConfigError: KerasHub is not installed, there is no such preset, it can't be
            downloaded, its inputs are not images, or it does not support the image size.
    """
    preset = find_preset(name)
    hub = _import_hub()
    load = functools.partial(
        hub.models.Backbone.from_preset, preset, load_weights=pretrained
    )
    network = _load_for_size(load, name, preset, image_size)
    settings = {
        "keras_hub": metadata.version("keras-hub"),
        "network": _without_names(network.get_config()),
    }
    preprocess = _preprocessing(hub, name, preset, pretrained)
    if all(is_of_keras(layer) for layer in all_layers(network)):
        # A saved model can then be loaded without KerasHub.
        plain = keras.Model(network.inputs[0], network.output, name=network.name)
        return Backbone(name, plain, preprocess, settings=settings)
    return Backbone(name, network, _as_inputs(network, preprocess), settings=settings)


def _as_inputs(
    network: keras.Model, preprocess: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """Wraps preprocessing for networks that take a dict of inputs."""
    if not isinstance(network.input, dict):
        return preprocess
    (key,) = network.input
    return lambda images: {key: preprocess(images)}


def _import_hub() -> Any:
    import keras_hub

    return keras_hub


def _load_for_size(
    load: Callable[..., Any], name: str, preset: str, image_size: int
) -> keras.Model:
    """Loads the network for images of a size, which may differ from that of the preset."""
    try:
        network = load()
    except Exception as error:  # of the download, the file system, KerasHub or Keras
        raise _loading_error(name, preset, error) from None
    own = _image_size(network, name)
    if own in (None, image_size):
        return network
    try:
        return load(image_shape=(image_size, image_size, 3))
    except (ValueError, TypeError) as error:
        raise ConfigError(
            message(
                f"`data.image_size` must be a size that {name} accepts with its weights "
                f"({_first_line(error)}).",
                f"Its own size is {own}.",
                **{"data.image_size": image_size},
            )
        ) from None


def _image_size(network: keras.Model, name: str) -> int | None:
    """Returns the height of the images that a network takes, or None for any.

    Raises:
        ConfigError: The network does not take images.
    """
    shapes = [tuple(each.shape) for each in network.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][3] != 3:
        raise ConfigError(
            message(
                f"`{SETTING}` must name a preset of images `(rows, height, width, 3)`.",
                f"This one takes inputs of the shapes {shapes}.",
                **{SETTING: name},
            )
        )
    size: int | None = shapes[0][1]
    return size


def _preprocessing(
    hub: Any, name: str, preset: str, pretrained: bool
) -> Callable[[Any], Any]:
    """Returns the rescaling of a preset's image converter as a Keras layer.

    Without a converter, images are not rescaled, as in KerasHub. This is an error with
    pretrained weights, whose pixel range is then unknown.

    Raises:
        ConfigError: The preset has weights but no converter.
    """
    try:
        converter = hub.layers.ImageConverter.from_preset(preset)
    except FileNotFoundError:
        if pretrained:
            raise _missing_converter_error(name, preset) from None
        notify(f"{name} has no {_CONVERTER_FILE}: its network gets RGB from 0 to 255.")
        return lambda images: images
    scale = 1.0 if converter.scale is None else converter.scale
    offset = 0.0 if converter.offset is None else converter.offset
    return keras.layers.Rescaling(scale, offset, dtype="float32", name="preprocessing")


def _missing_converter_error(name: str, preset: str) -> ConfigError:
    return ConfigError(
        message(
            f"`{SETTING}` must name a preset with an {_CONVERTER_FILE}; without one, the "
            "pixel range of its weights is unknown.",
            'Write one: python -c "import keras_hub as k; k.layers.ImageConverter('
            f'scale=1/255).save_to_preset({preset!r})", with scale=1 for RGB from 0 to '
            "255.",
            **{SETTING: name},
        ),
        Suggestion("Or start from random weights with", {"model.weights": None}, "."),
    )


def _loading_error(name: str, preset: str, error: Exception) -> ConfigError:
    """Returns the error for a preset that KerasHub can't load."""
    why = f"{type(error).__name__}: {_first_line(error)}"
    received = {SETTING: name}
    if is_directory(preset):
        expected = f"`{SETTING}` must name a preset that KerasHub can load ({why})."
        return ConfigError(message(expected, **received))
    return ConfigError(
        message(
            f"`{SETTING}` must name a preset that is on this machine or can be downloaded "
            f"({why}).",
            'On a machine with a network, run python -c "import keras_hub as k; '
            f"k.models.Backbone.from_preset({preset!r}).save_to_preset('copy'); "
            f"k.layers.ImageConverter.from_preset({preset!r}).save_to_preset('copy')\", "
            f"copy that folder to this machine, and set {SETTING}={HUB}FOLDER.",
            **received,
        )
    )


def _without_names(config: dict[str, Any]) -> Any:
    named = {"name", "trainable"}
    return keras.saving.serialize_keras_object(
        {key: value for key, value in config.items() if key not in named}
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
