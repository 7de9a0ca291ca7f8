"""The quantizers by format."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...core.errors import ConfigError, message

# Writes the model of a file as another one, with ranges that are measured on images.
Quantizer = Callable[[Path, npt.NDArray[np.uint8], Path], None]

EXTRA = "int8"
# The file of each, its function, and the module that it needs besides those of the format.
_QUANTIZERS = {
    "onnx": ("onnx_file", "quantize_onnx", None),
    "litert": ("litert", "quantize_litert", "ai_edge_quantizer"),
    "openvino": ("openvino", "quantize_openvino", "nncf"),
}


def require_quantizer(format: str) -> None:
    """Checks that a format can have integers, and that what makes them is installed.

    Loads none of it.

    Raises:
        ConfigError: It can't, or a package is missing.
    """
    if format not in _QUANTIZERS:
        raise ConfigError(
            message(
                f"Formats with int8 are {', '.join(_QUANTIZERS)}.",
                "Choose one of them, or leave --int8 out.",
                format=format,
            )
        )
    needed = _QUANTIZERS[format][2]
    if needed is not None and find_spec(needed) is None:
        raise ConfigError(
            message(
                f"An int8 export as {format} needs a package that is not installed.",
                f'pip install "keraunos[{EXTRA}]"',
                missing=needed,
            )
        )


def quantizer_of(format: str) -> Quantizer:
    """What makes integers of a format; see `require_quantizer` for its errors."""
    require_quantizer(format)
    module, function, _ = _QUANTIZERS[format]
    found: Quantizer = getattr(import_module(f".{module}", __package__), function)
    return found
