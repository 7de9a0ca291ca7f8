"""Lists the image files below a folder, class by class."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...configs.choices import FindImagesBy
from ...core.counted import counted, counted_clause
from ...core.errors import DataError, message
from ...core.names import some
from ...core.suggestion import Suggestion
from ..files.formats import EXTENSIONS, begins_like_an_image
from .folders import (
    entries_of,
    folders_below,
    is_hidden,
    is_image_name,
    sub_folders_with_images,
    walk,
)


@dataclass(frozen=True)
class Scan:
    """The image files of one folder or table.

    Attributes:
        root: The folder.
        class_names: Names of the classes, sorted.
        paths: Image files, sorted by class and then by path.
        labels: For each file, the position of its class in `class_names`.
        ignored: Number of skipped files by extension.
        groups: For each file, the name of its group, empty if it has none.
        splits: For each file, its split according to a table, empty if it has none.
        remarks: Remarks on skipped or unusual files.
        columns: Further columns of a table: cells by name, empty if missing.
        targets: For each file, a number for each of `class_names`, which are labels or
            measured quantities; None in classification.
    """

    root: Path
    class_names: tuple[str, ...]
    paths: tuple[str, ...]
    labels: tuple[int, ...]
    ignored: dict[str, int]
    groups: tuple[str, ...]
    splits: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    targets: Sequence[tuple[float, ...]] | None = None


def scan_folder(root: Path, name: str, by: FindImagesBy = "extension") -> Scan:
    """Lists a folder that contains one folder of images per class.

    Hidden files and folders are skipped, and so are run directories and caches of Keraunos.
    Images may be at any depth below their class folder, and symbolic links are followed.

    Args:
        root: The folder.
        name: The setting that names it, for messages, such as `"data.train"`.
        by: Whether images are recognized by extension only, or otherwise also by the first
            bytes of their content.

    Raises:
        DataError: The folder is missing, or it or a class folder has no images.
    """
    scan = list_folder(root, name, by)
    _require_images(scan, name, by)
    return scan


def list_folder(root: Path, name: str, by: FindImagesBy = "extension") -> Scan:
    """Lists a folder as `scan_folder` does, but accepts missing images.

    Raises:
        DataError: The folder or a subfolder can't be opened.
    """
    folders = folders_below(root, name)
    ignored: Counter[str] = Counter()
    paths: list[str] = []
    labels: list[int] = []
    for label, class_name in enumerate(folders.names):
        found = sorted(_images(root / class_name, ignored, by))
        paths += found
        labels += [label] * len(found)
    none = ("",) * len(paths)
    remarks = (
        *folders.remarks(),
        *_loose_image_remarks(root),
        *_nested_folder_remarks(root, folders.names, paths),
    )
    return Scan(
        root,
        folders.names,
        tuple(paths),
        tuple(labels),
        dict(ignored),
        none,
        none,
        remarks,
    )


def list_images_below(folder: Path, by: FindImagesBy = "extension") -> list[str]:
    """Lists the image files at any depth below a folder; there may be none."""
    return sorted(_images(folder, Counter(), by))


def _images(folder: Path, ignored: Counter[str], by: FindImagesBy) -> Iterator[str]:
    is_image: Callable[[str], bool] = (
        is_image_name if by == "extension" else begins_like_an_image
    )
    for parent, _, files, own in walk(str(folder)):
        for file in files if not own else ():
            path = os.path.join(parent, file)
            if is_hidden(file):
                continue
            if is_image_name(file) or is_image(path):
                yield path
            else:
                ignored[os.path.splitext(file)[1].lower() or "(none)"] += 1


def _loose_image_remarks(root: Path) -> Iterator[str]:
    count = _loose_images(root)
    if count:
        yield f"{counted(count, 'file')} outside the class folders, skipped"


def _loose_images(root: Path) -> int:
    """Counts the images directly in a folder of class folders."""
    return sum(
        is_image_name(entry.name) and not is_hidden(entry.name)
        for entry in entries_of(str(root))
    )


def _nested_folder_remarks(
    root: Path, names: tuple[str, ...], paths: list[str]
) -> Iterator[str]:
    """Yields a remark on classes whose images are all in several subfolders."""
    start = len(str(root / "x")) - 1
    shallow: set[str] = set()
    below: dict[str, set[str]] = {}
    for path in paths:
        first, second, *rest = path[start:].split(os.sep, 2)
        if rest:
            below.setdefault(first, set()).add(second)
        else:
            shallow.add(first)
    deep = [name for name in names if name not in shallow and len(below.get(name, ())) > 1]
    if deep:
        example = f"{deep[0]}/{min(below[deep[0]])}"
        clause = counted_clause(len(deep), "classes have all images in subfolders")
        yield f"{clause} (such as {example}); classes are the direct subfolders of {root}"


def _require_images(scan: Scan, name: str, by: FindImagesBy) -> None:
    if not scan.paths:
        raise DataError(
            message(wanted_images(name), _remedy(scan), **{name: str(scan.root)}),
            *_suggestions(scan, by),
        )
    present = set(scan.labels)
    empty = [each for i, each in enumerate(scan.class_names) if i not in present]
    if empty:
        raise DataError(
            message(
                f"Each class folder of `{name}` must contain images; these contain none: "
                f"{some(empty)}.",
                f"Remove them. {_remedy(scan)}".strip(),
                **{name: str(scan.root)},
            ),
            *_suggestions(scan, by),
        )


def _remedy(scan: Scan) -> str:
    parts = []
    if not scan.paths and _loose_images(scan.root):
        parts.append("Move its images into one folder per class.")
    if scan.ignored:
        others = ", ".join(f"{n} of {kind}" for kind, n in scan.ignored.items())
        parts.append(f"Skipped: {others} files.")
    return " ".join(parts)


def _suggestions(scan: Scan, by: FindImagesBy) -> list[Suggestion]:
    if not scan.ignored or by != "extension":
        return []
    return [Suggestion("", {"data.find_images_by": "content"}, "also opens them.")]


def require_two_classes(scan: Scan, name: str) -> None:
    """Checks that there are at least two classes.

    Raises:
        DataError: There is only one class.
    """
    if len(scan.class_names) > 1:
        return
    folder = scan.root / scan.class_names[0]
    hint = "Put the images of each class into one folder per class."
    if folder.is_dir() and len(sub_folders_with_images(str(folder))) > 1:
        hint = f"Its only folder contains folders of images: try {name}={folder}."
    raise DataError(
        message(
            f"At least two classes must have images below `{name}`; there is only "
            f"{scan.class_names[0]}.",
            hint,
            **{name: str(scan.root)},
        )
    )


def wanted_images(name: str) -> str:
    """Describes a valid folder of images, for a message."""
    kinds = ", ".join(sorted(extension[1:] for extension in EXTENSIONS))
    return f"`{name}` must contain images ({kinds}) in one folder per class."
