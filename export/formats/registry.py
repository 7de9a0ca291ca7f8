"""The formats by name."""

from collections.abc import Mapping
from importlib.util import find_spec

from ...core.errors import ConfigError, message
from ...core.names import choose
from .contract import Format
from .keras_file import KERAS
from .litert import LITERT
from .onnx_file import ONNX
from .openvino import OPENVINO
from .saved_model import SAVED_MODEL

_ALL = (SAVED_MODEL, ONNX, LITERT, OPENVINO, KERAS)
_FORMATS: Mapping[str, Format] = {each.name: each for each in _ALL}


def format_names() -> tuple[str, ...]:
    """The formats that there are."""
    return tuple(_FORMATS)


def format_of(name: str) -> Format:
    """A format whose packages are installed.

    Raises:
        ConfigError: There is none of that name, or a package that it needs is missing.
    """
    choose("format", name, _FORMATS)
    found = _FORMATS[name]
    missing = [module for module in found.modules if find_spec(module) is None]
    if missing:
        raise ConfigError(
            message(
                f"The format {name} needs packages that are not installed.",
                f'pip install "keraunos[{found.extra}]"',
                missing=", ".join(missing),
            )
        )
    return found
