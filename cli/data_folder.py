"""A first look at a folder of images: its classes, or how it could be arranged."""

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


class DataLook(NamedTuple):
    """What a place of data holds.

    Attributes:
        lines: What was found, or how images could be arranged.
        is_usable: Whether it looks like data to train on.
    """

    lines: list[str]
    is_usable: bool


def look_at_data(place: Path) -> DataLook:
    """Lists the classes in a folder, by the names of folders and files alone."""
    from ..data.index.layout import Setting, find_splits

    if place.is_file():
        is_table = place.suffix in (".csv", ".tsv")
        return DataLook(["a table of images"] if is_table else list(_LAYOUT), is_table)
    try:
        splits = find_splits(place, "auto", Setting())
        counts = {name: _classes(path) for name, path in (splits or {"": place}).items()}
    except DataError as error:
        return DataLook([str(error)], is_usable=False)
    if any(len(classes) < _FEWEST_CLASSES for classes in counts.values()):
        found = next(iter(counts.values()))
        return DataLook([f"classes found: {some(found) or 'none'}", *_LAYOUT], False)
    return DataLook(list(_lines(counts)), is_usable=True)


def _lines(counts: dict[str, dict[str, int]]) -> Iterator[str]:
    for split, classes in counts.items():
        named = (f"{printable(name)} ({count:,})" for name, count in classes.items())
        start = f"{split}: " if split else ""
        yield f"{start}{sum(classes.values()):,} images in {len(classes)} classes: " + some(
            named
        )


def _classes(folder: Path) -> dict[str, int]:
    """How many images each class has."""
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
