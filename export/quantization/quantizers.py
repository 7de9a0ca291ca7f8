"""Selects the quantizer of a format."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...core.errors import ConfigError, message
from ...core.extras import install_command

# Quantizes a file to another one, with ranges measured on images.
Quantizer = Callable[[Path, npt.NDArray[np.uint8], Path], None]

EXTRA = "int8"
# The module of each, its function, and the package it needs besides those of the format.
_QUANTIZERS = {
    "onnx": ("onnx_file", "quantize_onnx", None),
    "litert": ("litert", "quantize_litert", "ai_edge_quantizer"),
    "openvino": ("openvino", "quantize_openvino", "nncf"),
}


def require_quantizer(format: str) -> None:
    """Checks that a format supports int8 and that its quantizer is installed.

    Does not import the quantizer.

    Raises:
        ConfigError: The format does not support int8, or a package is missing.
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
                install_command(EXTRA),
                missing=needed,
            )
        )


def quantizer_of(format: str) -> Quantizer:
    """Returns the quantizer of a format.

    Raises:
        ConfigError: See `require_quantizer`.
    """
    require_quantizer(format)
    module, function, _ = _QUANTIZERS[format]
    found: Quantizer = getattr(import_module(f".{module}", __package__), function)
    return found
