"""Answers where a command's own output can't be written."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import ConfigError, message


@contextlib.contextmanager
def writing(output: Path, option: str = "--output") -> Iterator[None]:
    """Surrounds what writes the output of a command.

    Args:
        output: The place.
        option: The option that named it, for messages.

    Raises:
        ConfigError: It can't be written.
    """
    try:
        yield
    except OSError as error:
        raise ConfigError(
            message(
                f"`{option}` must be a place that can be written ({error.strerror}).",
                **{option.lstrip("-"): str(output)},
            )
        ) from None
