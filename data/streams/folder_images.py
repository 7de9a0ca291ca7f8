"""Lists the images below a folder in order, with bounded memory for names."""

import heapq
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import itemgetter
from typing import NamedTuple

from ...configs.choices import FindImagesBy
from ..files.formats import begins_like_an_image
from ..files.record_files import SUFFIX, num_records
from ..index.folders import OWN_NAMES, is_folder, is_hidden, is_image_name, is_own
from .known_names import KnownNames

MOST_HELD = 100_000  # names of one folder at a time


class FoundImage(NamedTuple):
    """An image, or an entry that can't be read.

    Attributes:
        name: Path of the image; that of a folder ends with `/`.
        problem: Why the entry can't be read; empty for an image.
        cells: Cells of table columns, if a table names the image.
    """

    name: str
    problem: str = ""
    cells: tuple[str, ...] = ()


def images_below(
    folder: str, by: FindImagesBy = "extension", after: str = "", in_order: bool = True
) -> Iterator[FoundImage]:
    """Lists images at any depth below a folder.

    They are sorted by path, as in `scan.list_images_below`. A folder with many entries is
    read several times, each time for the next names in order, so that images which appear
    meanwhile are found, too, if they sort after the current one.

    Hidden files and folders are skipped, and so are run directories and caches of Keraunos.
    Links are followed, and each folder is visited once. All images of record files are
    listed.

    Args:
        folder: The folder.
        by: How images are recognized.
        after: Images up to this path are skipped.
        in_order: False lists images in any order, in half the time.
    """
    visited = KnownNames()
    stack = [_entries(folder, by, after, in_order, visited)]
    while stack:
        for entry in stack[-1]:
            if isinstance(entry, FoundImage):
                yield entry
            else:
                stack.append(_entries(entry, by, after, in_order, visited))
                break
        else:
            stack.pop()


def images_in_record_file(file: str, after: str = "") -> Iterator[FoundImage]:
    """Lists the images of a record file, by their numbers."""
    try:
        count = num_records(file)
    except OSError as error:
        if f"{file}/" > after:
            yield FoundImage(f"{file}/", str(error.strerror))
        return
    width = max(7, len(str(count - 1)))  # fixed, so that numbers sort as text
    for number in range(count):
        name = f"{file}/{number:0{width}d}"
        if name > after:
            yield FoundImage(name)


def _entries(
    folder: str, by: FindImagesBy, after: str, in_order: bool, visited: KnownNames
) -> Iterator[FoundImage | str]:
    """Yields the images of a folder, and its subfolders as strings."""
    try:
        if not visited.add(os.path.realpath(folder)) or _is_own(folder):
            return
        for key, name in _in_order(folder) if in_order else _unordered(folder):
            path = os.path.join(folder, name)
            if key == name:
                if path > after and _is_image(path, by):
                    yield FoundImage(path)
            elif name.endswith(SUFFIX) and not os.path.isdir(path):
                yield from images_in_record_file(path, after)
            else:
                yield path
    except OSError as error:
        problem = f"the folder can't be opened ({error.strerror})"
        name = os.path.join(folder, "")
        if name > after:
            yield FoundImage(name, problem)


def _is_own(folder: str) -> bool:
    others: list[str] = []
    marks: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in OWN_NAMES:
                marks.append(entry.name)
            elif not others:
                others.append(entry.name)
    return is_own(folder, others, marks)


def _in_order(folder: str) -> Iterator[tuple[str, str]]:
    last = ""
    while True:
        with os.scandir(folder) as entries:
            later = (each for each in _keyed(entries) if each[0] > last)
            page = heapq.nsmallest(MOST_HELD, later, key=itemgetter(0))
        yield from page
        if len(page) < MOST_HELD:
            return
        last = page[-1][0]


def _unordered(folder: str) -> Iterator[tuple[str, str]]:
    with os.scandir(folder) as entries:
        keyed = _keyed(entries)
        while page := list(islice(keyed, MOST_HELD)):
            yield from page


def _keyed(entries: Iterable[os.DirEntry[str]]) -> Iterator[tuple[str, str]]:
    """Yields sort keys and names; keys of folders end with /, as in paths."""
    for entry in entries:
        if not is_hidden(entry.name):
            is_container = entry.name.endswith(SUFFIX) or is_folder(entry)
            yield entry.name + "/" * is_container, entry.name


def _is_image(path: str, by: FindImagesBy) -> bool:
    return is_image_name(path) or (by == "content" and begins_like_an_image(path))
