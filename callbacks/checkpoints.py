"""The names of checkpoints in a run's directory, and the only way to remove one."""

import re
from pathlib import Path

from ..core.bundle import FILES
from ..core.checked_files import CHECKSUMS_FILE, damaged, is_absent, read_checked_text
from ..core.removal import remove_empty, remove_file, remove_folder
from .run_state import RunState

BEST, LAST, FROZEN = "best.txt", "last.txt", "frozen"

NAME = re.compile(r"(?:step|weights)-\d{8,}(?:-mid-epoch)?")
_STEP = re.compile(r"step-(\d{8,})(-mid-epoch)?")
_NAMED = re.compile(r"best\.txt|last\.txt|\.checksums")
_REMEDY = "Resuming the run mends it."
_FROZEN = re.compile(FROZEN)
# What a process that was killed was about to write, or to remove.
_LEFT = re.compile(rf"\.(?:{NAME.pattern}|{FROZEN})-(?:\w{{8}}|removed)")


def checkpoint_name(run: RunState) -> str:
    """Directory name of the checkpoint of a run where it stands.

    Returns:
        `step-00000280`, after 280 steps; `step-00000280-mid-epoch` within an epoch, or
        before its validation is done.
    """
    return f"step-{run.step:08d}" + ("-mid-epoch" if run.is_within_epoch else "")


def checkpoint_names(directory: Path) -> list[str]:
    """Names of all checkpoints that a run goes on from, the oldest first."""
    if not directory.is_dir():
        return []
    matches = [_STEP.fullmatch(path.name) for path in directory.iterdir()]
    found = [(int(match[1]), match[2] is None, match[0]) for match in matches if match]
    return [name for _, _, name in sorted(found)]


def best_checkpoint(directory: Path | None) -> Path | None:
    """The checkpoint that best.txt names, if there is one.

    Raises:
        CheckpointError: best.txt is damaged.
    """
    if directory is None or is_absent(directory / BEST):
        return None
    name = read_checked_text(directory / BEST, _REMEDY).strip()
    if not NAME.fullmatch(name):
        raise damaged(directory / BEST, "it names no checkpoint", _REMEDY)
    return directory / name


def only_names(written: object) -> list[str]:
    """Those of what a checkpoint's state holds that name a checkpoint.

    Example:
        >>> only_names(["step-00000280", "/home", "../step-00000280", 7])
        ['step-00000280']
    """
    listed = written if isinstance(written, list) else []
    return [each for each in listed if isinstance(each, str) and NAME.fullmatch(each)]


def remove_checkpoint(directory: Path, name: str) -> None:
    """Removes a checkpoint; one that holds more than its files stays as it is."""
    remove_folder(directory, name, NAME, FILES)


def remove_frozen(directory: Path) -> None:
    """Removes what training left alone, of a run that came to no checkpoint."""
    remove_folder(directory, FROZEN, _FROZEN, FILES)


def remove_left(directory: Path) -> None:
    """Removes what a process that was killed was about to write, or to remove."""
    for path in directory.iterdir() if directory.is_dir() else ():
        if _LEFT.fullmatch(path.name):
            remove_folder(directory, path.name, _LEFT, FILES)


def remove_all(directory: Path) -> None:
    """Removes all checkpoints of a run, and the folder if that is all it holds."""
    if directory.is_symlink() or not directory.is_dir():
        return
    for name in (BEST, LAST, CHECKSUMS_FILE):
        remove_file(directory, name, _NAMED)
    for path in list(directory.iterdir()):
        if NAME.fullmatch(path.name):
            remove_checkpoint(directory, path.name)
    remove_frozen(directory)
    remove_left(directory)
    remove_empty(directory)
