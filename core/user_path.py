"""Expands paths that users type."""

import os
from pathlib import Path

from .errors import ConfigError, message, reason_of


def user_path(path: str | os.PathLike[str]) -> Path:
    """Expands `~` and `~name` to home folders, as in a shell.

    Raises:
        ConfigError: There is no such user, or the path is invalid on this system.

    Example:
        >>> user_path("~").is_absolute(), str(user_path("./~nobody-of-that-name"))
        (True, '~nobody-of-that-name')
    """
    expanded = os.path.expanduser(path)
    if expanded.startswith("~"):
        raise ConfigError(
            message(
                "A path that begins with ~ must name the home folder of a user.",
                f"Write ./{expanded} for a file of that name.",
                path=os.fspath(path),
            )
        )
    try:
        os.stat(expanded)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass  # reported when it is opened
    except (OSError, ValueError) as error:
        expected = f"A path must be valid on this system ({reason_of(error)})."
        raise ConfigError(message(expected, path=expanded)) from None
    return Path(expanded)
