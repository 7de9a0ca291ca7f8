"""Lists the picture files below a folder, class by class."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import DataError, message
from .decode import EXTENSIONS

SPLIT_FOLDERS = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}


@dataclass(frozen=True)
class Scan:
    """The picture files of one folder.

    Attributes:
        root: The folder.
        class_names: Names of its class folders, sorted.
        paths: Picture files, sorted by class and then by path.
        labels: For each file the position of its class in `class_names`.
        ignored: How many files of which other extensions were passed over.
        groups: For each file the name of its group, empty if it has none.
    """

    root: Path
    class_names: tuple[str, ...]
    paths: tuple[str, ...]
    labels: tuple[int, ...]
    ignored: dict[str, int]
    groups: tuple[str, ...]


def scan_folder(root: Path, name: str) -> Scan:
    """Lists a folder that holds one folder of pictures per class.

    Hidden files and folders are passed over, pictures may lie at any depth below their
    class folder, and symbolic links are followed.

    Args:
        root: The folder.
        name: The setting that named it, for messages, such as `"data.train"`.

    Raises:
        DataError: It is missing, or it or one of its class folders has no pictures.
    """
    scan = list_folder(root, name)
    _require_pictures(scan, name)
    return scan


def list_folder(root: Path, name: str) -> Scan:
    """Lists a folder as `scan_folder` does, but takes it as it is.

    Raises:
        DataError: It is missing.
    """
    _require_folder(root, name)
    classes = sorted(child.name for child in root.iterdir() if _is_class_folder(child))
    ignored: Counter[str] = Counter()
    paths: list[str] = []
    labels: list[int] = []
    for label, class_name in enumerate(classes):
        found = sorted(_pictures(root / class_name, ignored))
        paths += found
        labels += [label] * len(found)
    groups = ("",) * len(paths)
    return Scan(root, tuple(classes), tuple(paths), tuple(labels), dict(ignored), groups)


def find_split_folders(root: Path) -> dict[str, Path]:
    """Finds `train`, `val` and `test` below a folder that holds nothing but those.

    Returns:
        Folders by split, or nothing if `root` is itself a folder of classes.
    """
    if not root.is_dir():
        return {}
    children = [child for child in root.iterdir() if _is_class_folder(child)]
    found = {
        split: child
        for split, names in SPLIT_FOLDERS.items()
        for child in children
        if child.name.lower() in names
    }
    return found if "train" in found and len(found) == len(children) else {}


def list_pictures(path: Path) -> list[str]:
    """Lists a picture file, or the picture files at any depth below a folder.

    Raises:
        DataError: There is nothing of that name, or no picture in it.
    """
    if path.is_file():
        return [str(path)]
    _require_folder(path, "path")
    found = list_pictures_below(path)
    if not found:
        raise DataError(message(_wanted("path"), path=str(path)))
    return found


def list_pictures_below(folder: Path) -> list[str]:
    """Lists the picture files at any depth below a folder; there may be none."""
    return sorted(_pictures(folder, Counter()))


def _pictures(folder: Path, ignored: Counter[str]) -> Iterator[str]:
    visited: set[str] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in visited:  # a link to a folder above, or twice to the same
            folders.clear()
            continue
        visited.add(real)
        folders[:] = [each for each in folders if not each.startswith(".")]
        for file in files:
            extension = os.path.splitext(file)[1].lower()
            if file.startswith("."):
                continue
            if extension in EXTENSIONS:
                yield os.path.join(parent, file)
            else:
                ignored[extension or "(none)"] += 1


def _is_class_folder(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith((".", "__"))


def _require_folder(root: Path, name: str) -> None:
    if not root.is_dir():
        what = "is a file" if root.exists() else "does not exist"
        raise DataError(
            message(f"`{name}` must be a folder; it {what}.", **{name: str(root)})
        )


def _require_pictures(scan: Scan, name: str) -> None:
    if not scan.paths:
        loose = any(child.suffix.lower() in EXTENSIONS for child in scan.root.iterdir())
        hint = "Move its pictures into one folder per class." if loose else ""
        raise DataError(message(_wanted(name), hint, **{name: str(scan.root)}))
    present = set(scan.labels)
    empty = [each for i, each in enumerate(scan.class_names) if i not in present]
    if empty:
        others = ", ".join(f"{n} of {kind}" for kind, n in scan.ignored.items())
        raise DataError(
            message(
                f"Each class folder of `{name}` must hold pictures; these hold none: "
                f"{', '.join(empty)}.",
                f"Remove them. {f'Passed over: {others} files.' if others else ''}".strip(),
                **{name: str(scan.root)},
            )
        )


def _wanted(name: str) -> str:
    kinds = ", ".join(sorted(extension[1:] for extension in EXTENSIONS))
    return f"`{name}` must hold pictures ({kinds}) in one folder per class."
