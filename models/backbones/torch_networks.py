"""Networks whose weights were trained in PyTorch, built here layer by layer."""

from pathlib import Path

from ...core.errors import ConfigError, message
from . import efficientnet_lite, resnet_torchvision
from .contract import Backbone
from .lite0_file import lite0_file

_DOWNLOADS = {
    "efficientnet_lite0_timm": (
        "timm.create_model('efficientnet_lite0', pretrained=True)",
        "~/.cache/huggingface/hub",
    ),
    resnet_torchvision.NAME: (
        "torchvision.models.resnet50(weights='DEFAULT')",
        "~/.cache/torch/hub/checkpoints",
    ),
}
NAMES = ("efficientnet_lite0", *_DOWNLOADS)


def build(name: str, image_size: int) -> Backbone:
    """Builds a network with random weights.

    Args:
        name: One of `NAMES`.
        image_size: Height and width of its inputs in pixels.
    """
    if name == resnet_torchvision.NAME:
        return resnet_torchvision.build(image_size)
    return efficientnet_lite.build(name, image_size)


def imagenet_file(name: str) -> Path:
    """The file of a network's ImageNet weights on this machine.

    Raises:
        ConfigError: It can't be found.
    """
    if name == "efficientnet_lite0":
        return lite0_file()
    call, folder = _DOWNLOADS[name]
    raise ConfigError(
        message(
            f"`model.weights` of {name} must be a file, for none is looked for.",
            f"Where PyTorch is installed, {call} puts the ImageNet weights into {folder}.",
            **{"model.weights": "imagenet"},
        )
    )
