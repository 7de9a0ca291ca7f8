"""Joins tables of metadata to images by their names."""

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from .image_names import names_of
from .metadata import Metadata, MetadataRow, metadata_error
from .problems import counted_examples
from .scan import Scan

Rows = Mapping[str, Sequence[int]]


def join_metadata(
    scans: Mapping[str, Scan],
    metadata: Metadata,
    group: str | None,
    wanted: Collection[str],
) -> dict[str, Scan]:
    """Adds the columns of metadata to images.

    Images are named as in a table of labels: by path relative to their folder, or by file
    name, with or without the extension.

    Args:
        scans: The images, by split.
        metadata: The tables.
        group: Column of the metadata with the group of an image, or None.
        wanted: Columns that must not also be in the tables of labels.

    Returns:
        The same images with the columns of the metadata.

    Raises:
        DataError: Images and rows do not match one to one, or a column is in both tables.
    """
    problems = [
        f"the column {column} is also in the table of `data.{name}`: remove one"
        for column in wanted
        for name, scan in scans.items()
        if column in scan.columns and column in metadata.columns
    ]
    found = _find_rows(scans.values(), metadata.rows)
    problems += _wrong_rows(found, metadata.rows)
    if problems:
        raise metadata_error(metadata.paths, problems)
    joined = {name: _joined(scan, found, metadata, group) for name, scan in scans.items()}
    used = {row for rows in found.values() for row in rows}
    unused = [r.image for place, r in enumerate(metadata.rows) if place not in used]
    train = joined["train"]
    remarks = counted_examples("rows of data.metadata match no image of the run", unused)
    return joined | {"train": replace(train, remarks=(*train.remarks, *remarks))}


def _find_rows(scans: Iterable[Scan], rows: Sequence[MetadataRow]) -> Rows:
    """Returns the positions of the rows of each image, by its path."""
    by_name: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        by_name[row.image].append(place)
    return {
        path: _rows_of(os.path.relpath(path, scan.root), by_name)
        for scan in scans
        for path in scan.paths
    }


def _rows_of(name: str, by_name: Mapping[str, list[int]]) -> list[int]:
    places = {place for each in names_of(name) for place in by_name.get(each, ())}
    return sorted(places)


def _wrong_rows(found: Rows, rows: Sequence[MetadataRow]) -> list[str]:
    """Returns the problems that keep images and rows from matching one to one."""
    images: dict[int, list[str]] = defaultdict(list)
    for path, places in found.items():
        for place in places:
            images[place].append(path)
    missing = [path for path, places in found.items() if not places]
    twice = [
        f"{path} ({'; '.join(rows[place].where for place in places)})"
        for path, places in found.items()
        if len(places) > 1
    ]
    shared = [
        f"{rows[place].image} ({rows[place].where}: {', '.join(paths)})"
        for place, paths in images.items()
        if len(paths) > 1
    ]
    return [
        *counted_examples("images have no row", missing),
        *counted_examples("images have more than one row", twice),
        *counted_examples("rows match more than one image", shared),
    ]


def _joined(scan: Scan, found: Rows, metadata: Metadata, group: str | None) -> Scan:
    rows = [metadata.rows[found[path][0]] for path in scan.paths]
    added = {
        name: tuple(row.cells[place] for row in rows)
        for place, name in enumerate(metadata.columns)
    }
    groups = scan.groups if group is None else added.pop(group)
    return replace(scan, groups=groups, columns={**added, **scan.columns})
