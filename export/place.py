"""Creates the directory of an export atomically."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..core.errors import ConfigError, message
from ..core.files import new_directory, read_text
from ..core.names import some
from ..core.removal import remove_empty
from ..core.run_layout import EXPORT_PARITY_FILE
from .portable.model import DESCRIPTION_FILE

_COMPILED = "__pycache__"  # created when the export is run
_SHOWN = 5


class NotKeptError(Exception):
    """Raised within `export_directory` to discard the new export."""


@contextlib.contextmanager
def export_directory(output: Path) -> Iterator[Path]:
    """Creates the directory of an export, replacing an earlier export.

    If the block raises, the new export is discarded and an earlier one is kept. A
    `NotKeptError` is not propagated.

    Raises:
        ConfigError: The path is taken by anything other than an export.
    """
    require_own_place(output)
    has_folder = output.parent.exists()
    try:
        with (
            contextlib.suppress(NotKeptError),
            new_directory(output, replace=True) as temporary,
        ):
            yield temporary
            require_own_place(output)  # it may have changed in the minutes since
    finally:
        if not has_folder:
            remove_empty(output.parent)


def export_name(format: str, is_calibrated: bool = False, is_int8: bool = False) -> str:
    """Returns the name of the directory of an export.

    Example:
        >>> export_name("onnx", is_calibrated=True)
        'onnx-calibrated'
    """
    return format + "-calibrated" * is_calibrated + "-int8" * is_int8


def require_own_place(output: Path) -> None:
    """Checks that a path does not exist or contains only an earlier export.

    Raises:
        ConfigError: The path contains anything else.
    """
    if not os.path.lexists(output):
        return
    if output.is_symlink() or not output.is_dir():
        raise _occupied_error(output, "something else is there")
    found = files_of_export(output)
    foreign = sorted(found - _recorded_files(output))
    if foreign:
        raise _occupied_error(
            output, f"it contains files that no export wrote: {some(foreign, _SHOWN)}"
        )


def files_of_export(directory: Path) -> set[str]:
    """Returns the files of a directory, except for compiled Python files."""
    return {
        os.fspath(path.relative_to(directory))
        for path in directory.rglob("*")
        if (path.is_symlink() or not path.is_dir()) and _COMPILED not in path.parts
    }


def _recorded_files(directory: Path) -> set[str]:
    """Returns the files that an export has recorded in its parity file."""
    try:
        description = _read(directory / DESCRIPTION_FILE)
        files = _read(directory / EXPORT_PARITY_FILE)["files"]
    except (OSError, ValueError, LookupError, TypeError):
        return set()
    is_export = "applied_in_graph" in description and isinstance(files, list)
    return {EXPORT_PARITY_FILE, *map(str, files)} if is_export else set()


def _read(file: Path) -> dict[str, Any]:
    document = json.loads(read_text(file))
    if not isinstance(document, dict):
        raise ValueError("it does not contain an object")
    return document


def _occupied_error(output: Path, what: str) -> ConfigError:
    return ConfigError(
        message(
            f"An export needs its own directory; {what}.",
            "Choose another directory with --output, or move it away.",
            output=str(output),
        )
    )
