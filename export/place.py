"""Where an export goes: a directory that appears whole, or not at all."""

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

_COMPILED = "__pycache__"  # left by whoever has run the export
_SHOWN = 5


class NotKeptError(Exception):
    """Raised within `export_directory` to leave everything as it was."""


@contextlib.contextmanager
def export_directory(output: Path) -> Iterator[Path]:
    """Fills the directory of an export, which takes the place of an earlier export.

    If the block raises, nothing is left of it and an earlier export stays; a
    `NotKeptError` goes no further.

    Raises:
        ConfigError: There is something else in its place.
    """
    require_own_place(output)
    has_folder = output.parent.exists()
    try:
        with (
            contextlib.suppress(NotKeptError),
            new_directory(output, replace=True) as temporary,
        ):
            yield temporary
            require_own_place(output)  # work takes minutes; more may lie there now
    finally:
        if not has_folder:
            remove_empty(output.parent)


def export_name(format: str, is_calibrated: bool = False, is_int8: bool = False) -> str:
    """The name of the directory of an export.

    Example:
        >>> export_name("onnx", is_calibrated=True)
        'onnx-calibrated'
    """
    return format + "-calibrated" * is_calibrated + "-int8" * is_int8


def require_own_place(output: Path) -> None:
    """Checks that an export takes the place of nothing but an earlier one.

    Raises:
        ConfigError: There is something else, or something besides an export.
    """
    if not os.path.lexists(output):
        return
    if output.is_symlink() or not output.is_dir():
        raise _taken(output, "something else is there")
    found = files_of_export(output)
    foreign = sorted(found - _recorded(output))
    if foreign:
        raise _taken(
            output, f"it contains files that no export wrote: {some(foreign, _SHOWN)}"
        )


def files_of_export(directory: Path) -> set[str]:
    """The contents of a directory, except for directories and compiled Python files."""
    return {
        os.fspath(path.relative_to(directory))
        for path in directory.rglob("*")
        if (path.is_symlink() or not path.is_dir()) and _COMPILED not in path.parts
    }


def _recorded(directory: Path) -> set[str]:
    """The files that an export has written, by its own account."""
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
        raise ValueError("it holds no object")
    return document


def _taken(output: Path, what: str) -> ConfigError:
    return ConfigError(
        message(
            f"An export needs its own directory; {what}.",
            "Choose another place with --output, or move it away.",
            output=str(output),
        )
    )
