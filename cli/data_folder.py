"""Inspects an image folder: lists its classes, or explains the expected layout."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..core.errors import DataError
from ..core.names import printable, some

_FEWEST_CLASSES = 2
_LAYOUT = (
    "Expected one folder of images per class:",
    "  FOLDER/cat/1.jpg",
    "  FOLDER/dog/2.jpg",
    "or FOLDER/train/cat/1.jpg, FOLDER/val/..., FOLDER/test/...",
    "or a table, data.train=images.csv, with a column of paths and one of labels.",
)


class DataInspection(NamedTuple):
    """The result of inspecting a folder or table of images.

    Attributes:
        lines: The classes that were found, or the layout that is expected.
        is_usable: Whether the data looks usable for training.
    """

    lines: list[str]
    is_usable: bool


def inspect_data(place: Path) -> DataInspection:
    """Lists the classes in a folder, judging by the names of folders and files only."""
    from ..data.index.layout import Setting, find_splits

    if place.is_file():
        is_table = place.suffix in (".csv", ".tsv")
        lines = ["a table of images"] if is_table else list(_LAYOUT)
        return DataInspection(lines, is_table)
    try:
        splits = find_splits(place, "auto", Setting())
        counts = {name: _classes(path) for name, path in (splits or {"": place}).items()}
    except DataError as error:
        return DataInspection([str(error)], is_usable=False)
    if any(len(classes) < _FEWEST_CLASSES for classes in counts.values()):
        found = next(iter(counts.values()))
        lines = [f"classes found: {some(found) or 'none'}", *_LAYOUT]
        return DataInspection(lines, is_usable=False)
    return DataInspection(list(_lines(counts)), is_usable=True)


def _lines(counts: dict[str, dict[str, int]]) -> Iterator[str]:
    for split, classes in counts.items():
        named = (f"{printable(name)} ({count:,})" for name, count in classes.items())
        start = f"{split}: " if split else ""
        yield f"{start}{sum(classes.values()):,} images in {len(classes)} classes: " + some(
            named
        )


def _classes(folder: Path) -> dict[str, int]:
    """Returns the number of images of each class that has any."""
    from ..data.index.folders import folders_below

    names = folders_below(folder, "data.train").names
    counts = {name: _count(folder / name) for name in names}
    return {name: count for name, count in counts.items() if count}


def _count(folder: Path) -> int:
    from ..data.index.folders import is_hidden, is_image_name, walk

    return sum(
        is_image_name(file) and not is_hidden(file)
        for _, _, files, own in walk(str(folder))
        if not own
        for file in files
    )
