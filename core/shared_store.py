"""Opens the store that runs share: its folder and its limit."""

import os
import tempfile

import platformdirs

from .environment import number_of
from .errors import ConfigError, message
from .store import Store
from .user_path import user_path

DIRECTORY_VARIABLE = "KERAUNOS_CACHE_DIR"
LIMIT_VARIABLE = "KERAUNOS_CACHE_LIMIT_GB"
DEFAULT_LIMIT_GB = 20.0


def open_store(cache_dir: str | os.PathLike[str] | None = None) -> Store:
    """Opens the store that runs share.

    Args:
        cache_dir: The folder; by default $KERAUNOS_CACHE_DIR, or else `keraunos` in the
            user's cache folder. $KERAUNOS_CACHE_LIMIT_GB sets its limit, 20 by default.

    Raises:
        ConfigError: The folder can't be written or contains something else, or the limit is
            not a number.
    """
    chosen = cache_dir or os.environ.get(DIRECTORY_VARIABLE)
    directory = user_path(chosen or platformdirs.user_cache_dir("keraunos"))
    try:
        store = Store(directory, _limit_bytes())
        with tempfile.TemporaryFile(dir=store.claim()):
            return store
    except OSError as error:
        raise ConfigError(
            message(
                f"`cache_dir` must be a writable folder ({error.strerror}).",
                f"Set cache_dir or ${DIRECTORY_VARIABLE} to another.",
                cache_dir=str(directory),
            )
        ) from None


def _limit_bytes() -> int:
    return int(number_of(LIMIT_VARIABLE, DEFAULT_LIMIT_GB, "gigabytes") * 1e9)
