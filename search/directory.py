"""Creates and locks the directory of a search."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import unusable_run_dir
from ..core.files import require_plain
from ..core.lock import (
    BOOKKEEPING,
    OWNER_FILE,
    directory_lock,
    is_bookkeeping,
    remove_bookkeeping,
)
from ..core.removal import remove_empty, remove_unfinished, unfinished
from ..core.run_directory import create_run_directory
from ..core.run_layout import (
    BEST_CONFIG_FILE,
    CHOSEN_FILE,
    IMPORTANCE_FILE,
    OUTER,
    OUTER_FILE,
    RESULTS_FILE,
    SEARCH_FILE,
    SEARCH_IMAGE,
    TENSORBOARD_FOLDER,
    TRIAL,
    outer_name,
)

_WANTED = "a search to continue"
_FILES = (
    SEARCH_FILE,
    RESULTS_FILE,
    BEST_CONFIG_FILE,
    CHOSEN_FILE,
    OUTER_FILE,
    SEARCH_IMAGE,
    IMPORTANCE_FILE,
)
_BEGUN = rf"\.begun-{TRIAL.pattern}\.json"  # records of running trials
_UNFINISHED = unfinished(TRIAL.pattern, _BEGUN, *map(re.escape, _FILES))


@contextlib.contextmanager
def search_directory(directory: Path) -> Iterator[Path]:
    """Creates and locks the directory of a search.

    Yields:
        Its path, with links resolved.

    Raises:
        ConfigError: The directory contains anything else or a link, is in use, or is not
            writable.
    """
    directory = directory.resolve()
    is_new = not directory.exists()
    create_run_directory(directory, _WANTED)
    try:
        names = [each.name for each in directory.iterdir()]
    except OSError as error:
        raise unusable_run_dir(directory, _WANTED, str(error.strerror)) from None
    held = {name for name in names if not _may_be_there_before(name)}
    if outer_name(1) in names:
        held.discard(OUTER_FILE)  # killed before the first trial on all images
    if held and SEARCH_FILE not in held:
        why = f"it contains something else ({min(held)})"
        raise unusable_run_dir(directory, _WANTED, why)
    require_plain(directory, TENSORBOARD_FOLDER)
    try:
        with directory_lock(directory):
            remove_unfinished(directory, _UNFINISHED)
            yield directory
    finally:
        if {each.name for each in directory.iterdir()} <= BOOKKEEPING - {OWNER_FILE}:
            remove_bookkeeping(directory)
            if is_new:
                remove_empty(directory)


def _may_be_there_before(name: str) -> bool:
    """Returns whether a file, such as one of outer folds, may precede a search."""
    is_ours = OUTER.fullmatch(name) or _UNFINISHED.fullmatch(name)
    return bool(is_ours) or is_bookkeeping(name)
