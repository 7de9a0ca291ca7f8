"""Answers where a command's own output can't be written."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import ConfigError, message


@contextlib.contextmanager
def writing(output: Path) -> Iterator[None]:
    """Surrounds what writes the output of a command.

    Raises:
        ConfigError: It can't be written.
    """
    try:
        yield
    except OSError as error:
        raise ConfigError(
            message(
                f"`--output` must be a place that can be written ({error.strerror}).",
                output=str(output),
            )
        ) from None
