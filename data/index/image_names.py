"""Finds the image files that a table names."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..files.record_files import is_image_file
from .problems import counted_examples
from .scan import list_images_below


def resolve(lines: Mapping[str, int], root: Path) -> tuple[dict[str, str], list[str]]:
    """Finds the file of each name.

    A name is a path below `root`, or the name of a file anywhere below it. The extension
    may be omitted if that is unambiguous.

    Args:
        lines: Line number by name.
        root: The folder.

    Returns:
        Paths by name, and problems with missing or ambiguous names.
    """
    found = {
        name: path
        for name in lines
        if name and is_image_file(path := os.path.join(root, name))
    }
    unclear = [name for name in lines if name not in found]
    fitting = _files_by_name(root) if unclear else {}
    missing: list[str] = []
    ambiguous: list[str] = []
    for name in unclear:
        files = fitting.get(name, [])
        if len(files) == 1:
            found[name] = files[0]
        elif not files:
            missing.append(f"line {lines[name]}: {name or 'no name'}")
        else:
            shown = ", ".join(os.path.relpath(file, root) for file in files)
            ambiguous.append(f"line {lines[name]}: {name} ({shown})")
    hints = _hints([name for name in unclear if not fitting.get(name)], root)
    return found, [
        *counted_examples(f"names match no image below {root}{hints}", missing),
        *counted_examples(f"names match more than one image below {root}", ambiguous),
    ]


def _hints(missing: Sequence[str], root: Path) -> str:
    """Returns likely reasons for names without a match, in parentheses."""
    hints = []
    if any("\\" in name for name in missing):
        hints.append("write paths with / instead of \\")
    if any(name and os.path.isfile(name) for name in missing) and not root.samefile("."):
        hints.append("some exist below the current folder: set image_root to '.'")
    return f" ({'; '.join(hints)})" if hints else ""


def _files_by_name(root: Path) -> Mapping[str, list[str]]:
    """Returns the images below a folder by all names that may refer to them."""
    found: dict[str, list[str]] = defaultdict(list)
    folder = os.path.join(root, "")
    for file in list_images_below(root):
        for name in names_of(file.removeprefix(folder)):
            found[name].append(file)
    return found


def names_of(path: str) -> Iterable[str]:
    """Returns the names by which tables may refer to an image.

    These are its path and its file name, with and without the extension.

    Args:
        path: Path relative to the folder of the images.
    """
    base = os.path.basename(path)
    return {path, os.path.splitext(path)[0], base, os.path.splitext(base)[0]}
