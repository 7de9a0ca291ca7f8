"""Answers where a command's own output can't be written."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import ConfigError, message
from ..core.user_path import user_path


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
                f"`{option}` must be a place that can be written ({error.strerror}).",
                **{option.lstrip("-"): str(output)},
            )
        ) from None
