"""Where an export goes: a directory that appears whole, or not at all."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import ConfigError, message
from ..core.files import new_directory, read_text
from .portable.model import DESCRIPTION_FILE

PARITY_FILE = "parity.json"


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
    with (
        contextlib.suppress(NotKeptError),
        new_directory(output, replace=True) as temporary,
    ):
        yield temporary


def require_own_place(output: Path) -> None:
    """Makes sure that an export takes the place of nothing but an earlier one.

    Raises:
        ConfigError: There is something else.
    """
    if os.path.lexists(output) and not (output.is_dir() and _is_export(output)):
        raise ConfigError(
            message(
                "An export needs a directory of its own; there is something else.",
                "Choose another place with --output, or move it away.",
                output=str(output),
            )
        )


def _is_export(directory: Path) -> bool:
    try:
        document = json.loads(read_text(directory / DESCRIPTION_FILE))
    except (OSError, ValueError):
        return not any(directory.iterdir())
    return isinstance(document, dict) and "applied_in_graph" in document
