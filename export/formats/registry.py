"""The formats by name, which can be checked before TensorFlow is loaded."""

from importlib import import_module
from importlib.util import find_spec

from ...core.errors import ConfigError, message
from ...core.extras import install_command
from ...core.names import choose
from .contract import Format

# Module and constant of each format.
_FORMATS = {
    "saved_model": ("saved_model", "SAVED_MODEL"),
    "onnx": ("onnx_file", "ONNX"),
    "litert": ("litert", "LITERT"),
    "openvino": ("openvino", "OPENVINO"),
    "keras": ("keras_file", "KERAS"),
}


def format_names() -> tuple[str, ...]:
    """Returns the names of all formats."""
    return tuple(_FORMATS)


def require_format(name: str) -> None:
    """Checks that there is a format of that name, without loading TensorFlow.

    Raises:
        ConfigError: There is no such format.
    """
    choose("format", name, _FORMATS)


def format_of(name: str) -> Format:
    """Returns a format, and checks that its packages are installed.

    Raises:
        ConfigError: There is no such format, or a package is missing.
    """
    module, constant = choose("format", name, _FORMATS)
    found: Format = getattr(import_module(f".{module}", __package__), constant)
    missing = [module for module in found.modules if find_spec(module) is None]
    if missing:
        raise ConfigError(
            message(
                f"The format {name} needs packages that are not installed.",
                install_command(found.extra or name),
                missing=", ".join(missing),
            )
        )
    return found
