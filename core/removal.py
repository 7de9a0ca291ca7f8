"""The one place that removes anything: by names that we give, never by a path.

Each function takes a directory of ours and the pattern of the names that are made there.
A name that does not fit is refused, whoever wrote it down, so that no file of a stranger
can point elsewhere. A link is never followed and never removed; where a directory of ours
contains something else, it stays.
"""

import contextlib
import os
import re
import secrets
import shutil
import stat
from pathlib import Path

from .faults import fault_point

# Under such a name a file or a directory is filled before it gets its own.
TEMPORARY = re.compile(r"\.[^/]+-[0-9a-z_]{8}(?:\.[^/]*)?")


def remove_file(directory: Path, name: str, made: re.Pattern[str]) -> int:
    """Removes a regular file; nothing happens if there is none of that name.

    Args:
        directory: Where it is.
        name: Its name.
        made: The names of the files that we make there.

    Returns:
        How many bytes that were.

    Raises:
        ValueError: The name is not one that we make.
    """
    path = _made(directory, name, made)
    with contextlib.suppress(FileNotFoundError):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode):
            path.unlink()
            return status.st_size
    return 0


def remove_folder(
    directory: Path, name: str, made: re.Pattern[str], holds: re.Pattern[str]
) -> None:
    """Removes a folder of files so that nobody ever sees half of it under its name.

    It stays as it is if it holds anything but regular files that we make.

    Args:
        directory: Where it is.
        name: Its name.
        made: The names of the folders that we make there.
        holds: The names of the files in them.

    Raises:
        ValueError: The name is not one that we make.
    """
    path = _made(directory, name, made)
    if not _is_ours(path, holds):
        return
    hidden = path.with_name(f".{name.lstrip('.')}-{secrets.token_hex(4)}")
    os.rename(path, hidden)
    fault_point("during-rotation")
    for file in list(hidden.iterdir()):
        remove_file(hidden, file.name, holds)
    remove_empty(hidden)


def remove_empty(directory: Path) -> None:
    """Removes a directory that holds nothing; any other stays as it is."""
    with contextlib.suppress(OSError):
        directory.rmdir()


def remove_temporary(directory: Path, name: str, made: re.Pattern[str] = TEMPORARY) -> None:
    """Removes a file or a directory that did not get its own name, with all it holds.

    Raises:
        ValueError: The name is not one that is given for the time being.
    """
    path = _made(directory, name, made)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        remove_file(directory, name, made)


def unfinished(*names: str) -> re.Pattern[str]:
    r"""The temporary names of files or directories that are made under these names.

    Args:
        *names: Regular expressions.

    Example:
        >>> bool(unfinished(r"fold-\d+").fullmatch(".fold-2-0123abcd"))
        True
    """
    return re.compile(rf"\.(?:{'|'.join(names)})-[0-9a-z_]{{8}}(?:\.[a-z]+)?")


def remove_unfinished(directory: Path, made: re.Pattern[str]) -> None:
    """Removes what killed processes left under temporary names.

    Args:
        directory: Of which no process writes now.
        made: From `unfinished`. What else is there stays, links included.
    """
    for path in list(directory.iterdir()):
        if made.fullmatch(path.name):
            remove_temporary(directory, path.name, made)


def _made(directory: Path, name: str, made: re.Pattern[str]) -> Path:
    if "/" in name or not made.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a file of Keraunos")
    return directory / name


def _is_ours(path: Path, holds: re.Pattern[str]) -> bool:
    """Whether it is a directory of regular files with such names, and of nothing else."""
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
