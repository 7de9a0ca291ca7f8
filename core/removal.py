"""Removes files and directories of Keraunos. No other module removes anything.

Each function takes a directory and the pattern of the names that Keraunos creates there.
Other names are rejected, so that an untrusted file can't name a path elsewhere. Links are
neither followed nor removed, and files that Keraunos has not created are kept.
"""

import contextlib
import os
import re
import secrets
import shutil
import stat
from pathlib import Path

from .faults import fault_point

# Temporary names of files and directories that are being written.
TEMPORARY = re.compile(r"\.[^/]+-[0-9a-z_]{8}(?:\.[^/]*)?")


def remove_file(directory: Path, name: str, made: re.Pattern[str]) -> int:
    """Removes a regular file if it exists.

    Args:
        directory: The directory of the file.
        name: The name of the file.
        made: Pattern of the names of files that Keraunos creates there.

    Returns:
        The number of bytes that were removed.

    Raises:
        ValueError: The name does not match the pattern.
    """
    path = _checked_path(directory, name, made)
    with contextlib.suppress(FileNotFoundError):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode):
            path.unlink()
            return status.st_size
    return 0


def remove_folder(
    directory: Path, name: str, made: re.Pattern[str], holds: re.Pattern[str]
) -> None:
    """Removes a folder atomically: it is first renamed, then its files are removed.

    Does nothing if the folder contains anything but regular files of Keraunos.

    Args:
        directory: The parent of the folder.
        name: The name of the folder.
        made: Pattern of the names of folders that Keraunos creates there.
        holds: Pattern of the names of files in them.

    Raises:
        ValueError: The name does not match the pattern.
    """
    path = _checked_path(directory, name, made)
    if not _contains_only(path, holds):
        return
    hidden = path.with_name(f".{name.lstrip('.')}-{secrets.token_hex(4)}")
    os.rename(path, hidden)
    fault_point("during-rotation")
    for file in list(hidden.iterdir()):
        remove_file(hidden, file.name, holds)
    remove_empty(hidden)


def remove_empty(directory: Path) -> None:
    """Removes a directory if it is empty."""
    with contextlib.suppress(OSError):
        directory.rmdir()


def remove_temporary(directory: Path, name: str, made: re.Pattern[str] = TEMPORARY) -> None:
    """Removes a file or a directory with a temporary name, including its content.

    Raises:
        ValueError: The name is not a temporary name.
    """
    path = _checked_path(directory, name, made)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        remove_file(directory, name, made)


def unfinished(*names: str) -> re.Pattern[str]:
    r"""Returns the pattern of temporary names of files or directories.

    Args:
        *names: Regular expressions of their final names.

    Example:
        >>> bool(unfinished(r"fold-\d+").fullmatch(".fold-2-0123abcd"))
        True
    """
    return re.compile(rf"\.(?:{'|'.join(names)})-[0-9a-z_]{{8}}(?:\.[a-z]+)?")


def remove_unfinished(directory: Path, made: re.Pattern[str]) -> None:
    """Removes files and directories that killed processes left under temporary names.

    Args:
        directory: A directory to which no other process is writing.
        made: A pattern returned by `unfinished`; everything else is kept.
    """
    for path in list(directory.iterdir()):
        if made.fullmatch(path.name):
            remove_temporary(directory, path.name, made)


def _checked_path(directory: Path, name: str, made: re.Pattern[str]) -> Path:
    if "/" in name or not made.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a file of Keraunos")
    return directory / name


def _contains_only(path: Path, holds: re.Pattern[str]) -> bool:
    """Returns whether a directory contains only regular files with matching names."""
    try:
        if not stat.S_ISDIR(path.lstat().st_mode):
            return False
        with os.scandir(path) as entries:
            return all(
                holds.fullmatch(each.name) and each.is_file(follow_symlinks=False)
                for each in entries
            )
    except (FileNotFoundError, NotADirectoryError):
        return False
