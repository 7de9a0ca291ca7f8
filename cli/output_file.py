"""Answers where a command's own output can't be written."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import ConfigError, message
from ..core.files import require_regular
from ..core.user_path import user_path

TABLE_SUFFIXES = (".json", ".csv")


@contextlib.contextmanager
def writing(output: Path, option: str = "--output") -> Iterator[Path]:
    """Surrounds what writes the output of a command.

    Args:
        output: The place, as the user typed it.
        option: The option that named it, for messages.

    Yields:
        The place with its links resolved, as the user may have some.

    Raises:
        ConfigError: It can't be written.
    """
    try:
        yield Path(os.path.realpath(user_path(output)))
    except OSError as error:
        raise ConfigError(
            message(
                f"`{option}` must be writable ({error.strerror}).",
                **{option.lstrip("-"): str(output)},
            )
        ) from None


def require_table(output: Path) -> None:
    """Checks that a table can be written, as JSON or as CSV, before all the work.

    Raises:
        ConfigError: The name ends otherwise, or it can't be written.
    """
    if output.suffix not in TABLE_SUFFIXES:
        raise ConfigError(
            message(
                f"`--output` must end with {' or '.join(TABLE_SUFFIXES)}.",
                output=str(output),
            )
        )
    require_writable(output)


def require_writable(output: Path, option: str = "--output") -> None:
    """Fails before all the work rather than after it.

    Raises:
        ConfigError: It can't be written.
    """
    with writing(output, option) as place:
        if place.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        require_regular(place)
        with tempfile.TemporaryFile(dir=place.parent):
            pass
