"""Reports output files that can't be written as errors of the user's option."""

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
    """Turns an `OSError` while writing the output of a command into a `ConfigError`.

    Args:
        output: The path, as the user typed it.
        option: The option that named it, for messages.

    Yields:
        The path with symbolic links resolved.

    Raises:
        ConfigError: The output can't be written.
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
    """Checks in advance that a table can be written as JSON or CSV.

    Raises:
        ConfigError: The file has another extension, or can't be written.
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
    """Checks in advance that a file can be written.

    Raises:
        ConfigError: It can't.
    """
    with writing(output, option) as place:
        if place.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        require_regular(place)
        with tempfile.TemporaryFile(dir=place.parent):
            pass
