"""The image files below a folder."""

import os
from collections.abc import Iterator

from ...data.files.formats import EXTENSIONS
from .fields import ModelFileError


def images_below(folder: str) -> Iterator[str]:
    """Yields the images at any depth below a folder, sorted by path.

    Images are recognized by the ends of their names; hidden files and folders are skipped.
    Links are followed, and each folder is visited once.

    Raises:
        ModelFileError: There are none, or a folder can't be opened.
    """
    paths = _below(folder, set())
    first = next(paths, None)
    if first is None:
        ends = ", ".join(sorted(EXTENSIONS))
        raise ModelFileError(f"{folder} must contain images: files ending in {ends}.")
    yield first
    yield from paths


def _below(folder: str, visited: set[str]) -> Iterator[str]:
    place = os.path.realpath(folder)
    if place in visited:
        return
    visited.add(place)
    for name in _in_order(folder):
        path = os.path.join(folder, name)
        if name.endswith(os.sep):
            yield from _below(path[: -len(os.sep)], visited)
        elif os.path.splitext(name)[1].lower() in EXTENSIONS:
            yield path


def _in_order(folder: str) -> list[str]:
    """Lists a folder in the order of paths: subfolders end with a separator."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                entry.name + os.sep * entry.is_dir()
                for entry in entries
                if not entry.name.startswith(".")
            )
    except OSError as error:
        raise ModelFileError(f"{folder} can't be opened: {error.strerror}.") from None
