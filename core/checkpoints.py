"""Finds the checkpoints of a run by their names, and removes them."""

import re
from pathlib import Path

from .checked_files import CHECKSUMS_FILE, damaged, is_absent, read_checked_text
from .removal import remove_empty, remove_file, remove_folder, unfinished
from .run_layout import (
    BEST_FILE,
    CHECKPOINT,
    CHECKPOINT_FILES,
    FROZEN_FOLDER,
    LAST_FILE,
    RESUMABLE_CHECKPOINT,
    SOUP,
)

_FILES = (BEST_FILE, LAST_FILE, CHECKSUMS_FILE)
_FILE = re.compile("|".join(map(re.escape, _FILES)))
_REMEDY = "Resuming the run repairs it."
_FROZEN = re.compile(FROZEN_FOLDER)
# Temporary names that a killed process leaves when it was writing or removing.
_LEFT = re.compile(rf"\.(?:{CHECKPOINT.pattern}|{FROZEN_FOLDER})-(?:\w{{8}}|removed)")
_LEFT_FILE = unfinished(*map(re.escape, _FILES))


def checkpoint_names(directory: Path) -> list[str]:
    """Returns the names of all resumable checkpoints, oldest first."""
    if not directory.is_dir():
        return []
    matches = [RESUMABLE_CHECKPOINT.fullmatch(path.name) for path in directory.iterdir()]
    found = [(int(m["step"]), m["mid_epoch"] is None, m[0]) for m in matches if m]
    return [name for _, _, name in sorted(found)]


def best_checkpoint(directory: Path | None) -> Path | None:
    """Returns the checkpoint that `best.txt` names, or None if there is no such file.

    Raises:
        CheckpointError: `best.txt` is damaged.
    """
    if directory is None or is_absent(directory / BEST_FILE):
        return None
    name = read_checked_text(directory / BEST_FILE, _REMEDY).strip()
    if not CHECKPOINT.fullmatch(name):
        raise damaged(directory / BEST_FILE, "it does not name a checkpoint", _REMEDY)
    return directory / name


def only_names(written: object) -> list[str]:
    """Returns only the values that are names of checkpoints.

    Example:
        >>> only_names(["step-00000280", "/home", "../step-00000280", 7])
        ['step-00000280']
    """
    listed = written if isinstance(written, list) else []
    return [each for each in listed if isinstance(each, str) and CHECKPOINT.fullmatch(each)]


def remove_checkpoint(directory: Path, name: str) -> None:
    """Removes a checkpoint, unless it contains files other than those of a checkpoint."""
    remove_folder(directory, name, CHECKPOINT, CHECKPOINT_FILES)


def remove_soups(directory: Path) -> None:
    """Removes the averaged checkpoints of an earlier fit of the run."""
    for path in list(directory.iterdir()):
        if SOUP.fullmatch(path.name):
            remove_checkpoint(directory, path.name)


def remove_frozen(directory: Path) -> None:
    """Removes the frozen variables of a run that has no checkpoint."""
    remove_folder(directory, FROZEN_FOLDER, _FROZEN, CHECKPOINT_FILES)


def remove_left(directory: Path) -> None:
    """Removes what a killed process left while it was writing or removing."""
    for path in list(directory.iterdir()) if directory.is_dir() else ():
        if _LEFT.fullmatch(path.name):
            remove_folder(directory, path.name, _LEFT, CHECKPOINT_FILES)
        elif _LEFT_FILE.fullmatch(path.name):
            remove_file(directory, path.name, _LEFT_FILE)


def remove_all(directory: Path) -> None:
    """Removes all checkpoints of a run, and the folder if nothing else is in it."""
    if directory.is_symlink() or not directory.is_dir():
        return
    for name in _FILES:
        remove_file(directory, name, _FILE)
    for path in list(directory.iterdir()):
        if CHECKPOINT.fullmatch(path.name):
            remove_checkpoint(directory, path.name)
    remove_frozen(directory)
    remove_left(directory)
    remove_empty(directory)
