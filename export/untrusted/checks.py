"""Selects the check of a format."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from ..portable.fields import ModelFileError

_MAX_REASON = 300  # characters


def require_harmless(format: str, file: Path) -> None:
    """Checks that opening and running a model does nothing but compute.

    Args:
        format: One of `portable.document.FORMATS`.
        file: The file, or the directory of a SavedModel.

    Raises:
        ModelFileError: There is no such format, or the file could run code, could read or
            write files, or can't be read.
    """
    if format not in _MODULES:
        raise ModelFileError(
            f"`format` must be one of {', '.join(_MODULES)}. Received: format={format!r}."
        )
    module = import_module(f"{__package__}.{_MODULES[format]}")
    check: Callable[[Path], None] = module.require_harmless
    try:
        check(file)
    except (ModelFileError, MemoryError, ImportError):
        raise
    except Exception as error:  # parsers raise anything for invalid bytes
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:_MAX_REASON]
        raise ModelFileError(f"{file.name} is damaged ({reason}).") from error


_MODULES = {
    "keras": "keras_file",
    "saved_model": "saved_model",
    "onnx": "onnx_file",
    "litert": "litert_file",
    "openvino": "openvino_file",
}
