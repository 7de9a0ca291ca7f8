"""Lists the folders directly below a folder, which may be classes or splits."""

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...core import run_layout as layout
from ...core.cache_folder import FILES_DATABASE, FINGERPRINTS_DATABASE, TAG
from ...core.errors import DataError, message
from ...core.lock import LOCK_FILE, OWNER_FILE
from ...core.names import some
from ..files.formats import EXTENSIONS

# Folders that operating systems and tools create.
LEFTOVERS = frozenset(
    {
        "__MACOSX",
        "__pycache__",
        "@eaDir",
        "$RECYCLE.BIN",
        "System Volume Information",
        "lost+found",
    }
)

# A run directory contains one of the first, and another of the second.
_FIRST = {layout.CONFIG_FILE, layout.ENVIRONMENT_FILE, layout.SEARCH_FILE}
_OF_RUNS = _FIRST | {
    layout.CHECKPOINTS_FOLDER,
    layout.CLASSES_FILE,
    layout.CURVES_IMAGE,
    layout.FOLDS_FILE,
    layout.METRICS_FILE,
    layout.MODEL_FILE,
    layout.SAMPLES_IMAGE,
    layout.SPLIT_FILE,
    layout.TENSORBOARD_FOLDER,
    layout.TEST_FILE,
}
_OF_CACHES = {TAG, FILES_DATABASE, FINGERPRINTS_DATABASE}
OWN_NAMES = _OF_RUNS | _OF_CACHES  # by these `is_own` recognizes a folder
_NEW_RUN = re.compile(r".*-\d{3,}")


@dataclass(frozen=True)
class Folders:
    """The direct subfolders of a folder.

    Attributes:
        names: Subfolders that may be classes or splits, sorted.
        left_out: The other subfolders, each with the reason.
    """

    names: tuple[str, ...]
    left_out: dict[str, str]

    def remarks(self) -> Iterator[str]:
        """Yields one remark per reason to skip folders."""
        for reason in dict.fromkeys(self.left_out.values()):
            names = [name for name, other in self.left_out.items() if other == reason]
            yield f"skipped folders, {reason}: {some(names)}"


def folders_below(root: Path, name: str) -> Folders:
    """Lists the direct subfolders of a folder.

    Args:
        root: The folder.
        name: The setting that names it, for messages, such as `"data.train"`.

    Raises:
        DataError: The folder is missing or can't be opened, or contains a broken link.
    """
    require_folder(root, name)
    names: list[str] = []
    left_out: dict[str, str] = {}
    lost: list[str] = []
    for entry in sorted(entries_of(str(root)), key=lambda entry: entry.name):
        if entry.is_symlink() and not os.path.exists(entry.path):
            if not is_image_name(entry.name):
                lost.append(entry.name)
        elif is_folder(entry):
            reason = _reason_to_leave_out(entry)
            if reason is None:
                names.append(entry.name)
            elif reason:
                left_out[entry.name] = reason
    if lost:
        raise DataError(
            message(
                f"Folders below `{name}` must exist; these are broken links: {some(lost)}.",
                "Fix or remove the links.",
                **{name: str(root)},
            )
        )
    return Folders(tuple(names), left_out)


def entries_of(folder: str) -> list[os.DirEntry[str]]:
    """Returns the entries of a folder.

    Raises:
        DataError: The folder can't be opened.
    """
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise folder_error(error) from None


def folder_error(error: OSError) -> DataError:
    """Creates the error for an unreadable folder, which would otherwise be skipped."""
    return DataError(
        message(
            f"All folders must be readable ({error.strerror}).",
            "Change its permissions, or remove it.",
            folder=str(error.filename),
        )
    )


def require_folder(root: Path, name: str) -> None:
    """Checks that a folder exists.

    Raises:
        DataError: The path does not exist, or is a file.
    """
    if root.is_dir():
        return
    what = "is a file" if root.exists() else "does not exist"
    raise DataError(
        message(
            f"`{name}` must be a folder; it {what}.", slash_hint(root), **{name: str(root)}
        )
    )


def slash_hint(path: Path) -> str:
    """Suggests forward slashes for a path with backslashes; otherwise empty."""
    slashed = str(path).replace("\\", "/")
    return f"Write paths with /: {slashed}." if slashed != str(path) else ""


def sub_folders_with_images(folder: str) -> set[str]:
    """Returns the names of direct subfolders that contain images at any depth."""
    return {
        entry.name
        for entry in entries_of(folder)
        if is_folder(entry) and not is_hidden(entry.name) and _holds_images(entry.path)
    }


def has_images(folder: str) -> bool:
    """Returns whether a folder contains images directly."""
    return any(
        is_image_name(entry.name) and not is_hidden(entry.name)
        for entry in entries_of(folder)
    )


def is_image_name(name: str) -> bool:
    """Returns whether a file has the extension of an image."""
    return os.path.splitext(name)[1].lower() in EXTENSIONS


def is_hidden(name: str) -> bool:
    """Returns whether a file or folder is skipped everywhere."""
    return name.startswith(".") or name in LEFTOVERS


def is_own_folder(name: str, parent: str, entries: Collection[str]) -> bool:
    """Returns whether a folder is a run directory or cache of Keraunos, by its contents.

    A new run directory is empty, but is inside `runs` and its name ends with a number.

    Args:
        name: Name of the folder.
        parent: Name of its parent.
        entries: Names of all files and folders in it.

    Example:
        >>> is_own_folder("run-1", "animals", ["config.yaml", "split.csv", "samples.png"])
        True
        >>> is_own_folder("cats", "animals", ["config.yaml", "1.png"])
        False
    """
    found = set(entries)
    is_new = parent == "runs" and not (found - {LOCK_FILE, OWNER_FILE})
    return (
        bool(found & _OF_CACHES)
        or bool(found & _FIRST and len(found & _OF_RUNS) > 1)
        or (is_new and _NEW_RUN.fullmatch(name) is not None)
    )


def is_own(parent: str, folders: list[str], files: list[str]) -> bool:
    """Returns whether Keraunos wrote a folder, given its entries."""
    above, name = os.path.split(os.path.abspath(parent))
    return is_own_folder(name, os.path.basename(above), [*folders, *files])


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Returns whether an entry is a folder or a link to one; False for circular links."""
    return os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir()


def _reason_to_leave_out(entry: os.DirEntry[str]) -> str | None:
    """Returns why a folder is not a class, possibly empty; None if it may be one."""
    if entry.name in LEFTOVERS:
        return "made by the system"
    if entry.name.startswith("."):
        return "hidden" if _holds_images(entry.path) else ""
    return "made by Keraunos" if _holds_only_own(entry.path) else None


def _holds_images(folder: str) -> bool:
    return any(
        is_image_name(file) and not is_hidden(file)
        for _, _, files, own in walk(folder)
        if not own
        for file in files
    )


def _holds_only_own(folder: str) -> bool:
    """Returns whether a folder has only run directories or caches, and no other images."""
    found = False
    for _, _, files, own in walk(folder):
        found |= own
        if not own and any(is_image_name(file) and not is_hidden(file) for file in files):
            return False
    return found


def walk(folder: str) -> Iterator[tuple[str, list[str], list[str], bool]]:
    """Walks a folder and its subfolders, each once, without hidden ones.

    Yields:
        The path of a folder, the names of its folders and files, and whether it is a run
        directory or cache of Keraunos, which is not searched further.

    Raises:
        DataError: A folder can't be opened.
    """

    def refuse(error: OSError) -> None:
        raise folder_error(error)

    visited: set[str] = set()
    for parent, folders, files in os.walk(folder, followlinks=True, onerror=refuse):
        real = os.path.realpath(parent)
        if real in visited:  # a link to an ancestor, or a second link to a folder
            folders.clear()
            continue
        visited.add(real)
        own = is_own(parent, folders, files)
        if own:
            folders.clear()
        folders[:] = [each for each in folders if not is_hidden(each)]
        yield parent, folders, files, own
