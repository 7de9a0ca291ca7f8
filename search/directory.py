"""The directory of a search: one process at a time, and nothing else in it."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import unusable_run_dir
from ..core.files import require_plain
from ..core.lock import BOOKKEEPING, OWNER_FILE, directory_lock, remove_bookkeeping
from ..core.removal import remove_empty, remove_temporary
from ..core.run_layout import OUTER, SEARCH_FILE, TENSORBOARD_FOLDER, TRIAL

_WANTED = "a search to continue"
_LEFT = re.compile(rf"\.{TRIAL.pattern}-\w{{8}}")


@contextlib.contextmanager
def search_directory(directory: Path) -> Iterator[Path]:
    """Creates and locks the directory of a search.

    Yields:
        Its path, with links resolved.

    Raises:
        ConfigError: It holds something else, a link in its place included, is in use, or
            can't be written.
    """
    directory = directory.resolve()
    is_new = not directory.exists()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        held = {each.name for each in directory.iterdir()} - BOOKKEEPING
    except OSError as error:
        raise unusable_run_dir(directory, _WANTED, str(error.strerror)) from None
    held = {name for name in held if not OUTER.fullmatch(name)}  # searches before this
    if held and SEARCH_FILE not in held:
        why = f"it holds something else ({min(held)})"
        raise unusable_run_dir(directory, _WANTED, why)
    require_plain(directory, TENSORBOARD_FOLDER)
    try:
        with directory_lock(directory):
            yield directory
    finally:
        if {each.name for each in directory.iterdir()} <= BOOKKEEPING - {OWNER_FILE}:
            remove_bookkeeping(directory)
            if is_new:
                remove_empty(directory)


def remove_unfinished_trials(directory: Path) -> None:
    """Removes incomplete copies that a killed process left."""
    for path in list(directory.iterdir()):
        if _LEFT.fullmatch(path.name):
            remove_temporary(directory, path.name, _LEFT)
