"""Packs image files into record files, for disks that are slow to open many files."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from ..core.errors import DataError, message
from ..core.files import new_directory
from ..core.progress import track
from .files.read_file import content_of
from .files.record_files import SUFFIX, Record, read_record, record_library
from .index.scan import Scan

TABLE_FILE = "images.csv"
_HEADER = ("image", "label", "group", "split", "sha256")


class PackedImage(NamedTuple):
    """A row of the table of packed images.

    Attributes:
        image: Path: record file, number and original name.
        label: Name of the class.
        group: Name of the group, empty if it has none.
        split: Name of the split, empty if there is only one.
        sha256: Hexadecimal SHA-256 of the content.
        others: Further columns of the label table, by name.
    """

    image: str
    label: str
    group: str
    split: str
    sha256: str
    others: Mapping[str, str]


def pack(scans: Mapping[str, Scan], folder: Path, shard_bytes: int) -> list[PackedImage]:
    """Writes unchanged image files into record files, with a table.

    Every record is read back before the folder gets its final name.

    Args:
        scans: The images of each split.
        folder: The new folder, which must not exist.
        shard_bytes: Size from which a new record file is started.

    Returns:
        The rows of the table.

    Raises:
        DataError: An image can't be read.
        FileExistsError: The folder exists.
        ConfigError: The package array-record is not installed.
    """
    with new_directory(folder) as place:
        rows = list(_write(scans, place, shard_bytes))
        for row in track(rows, "Reading back", len(rows)):
            _require_same(row, place)
        _write_table(place / TABLE_FILE, rows)
    return rows


def _write(
    scans: Mapping[str, Scan], place: Path, shard_bytes: int
) -> Iterator[PackedImage]:
    images = list(_images(scans))
    shards = _Shards(place, shard_bytes)
    try:
        for row, path, name in track(images, "Packing", len(images)):
            content = _read(path)
            where = f"{shards.append(content)}/{name}"
            yield row._replace(image=where, sha256=sha256(content).hexdigest())
    finally:
        shards.close()


def _images(scans: Mapping[str, Scan]) -> Iterator[tuple[PackedImage, str, str]]:
    """Yields rows without path and hash, with the file and its relative name."""
    is_divided = len(scans) > 1
    for split, scan in scans.items():
        others = {n: cells for n, cells in scan.columns.items() if n not in _HEADER}
        rows = zip(scan.paths, scan.labels, scan.groups, strict=True)
        for number, (path, label, group) in enumerate(rows):
            row = PackedImage(
                "",
                scan.class_names[label],
                group,
                split if is_divided else "",
                "",
                {name: cells[number] for name, cells in others.items()},
            )
            yield row, path, Path(path).relative_to(scan.root).as_posix()


def _read(path: str) -> bytes:
    try:
        return content_of(path)
    except OSError as error:
        raise DataError(
            message(
                f"Every image must be readable, but {error.strerror}.",
                "Repair or remove it; `keraunos audit` finds all such files.",
                file=path,
            )
        ) from None


class _Shards:
    """Writes record files one after the other."""

    def __init__(self, folder: Path, shard_bytes: int) -> None:
        self._folder = folder
        self._limit = shard_bytes
        self._writer: Any = None
        self._count = self._records = self._bytes = 0

    def append(self, content: bytes) -> str:
        """Writes a record, and returns its path relative to the folder."""
        if self._writer is None or self._bytes >= self._limit:
            self._begin()
        self._writer.write(content)
        self._records += 1
        self._bytes += len(content)
        # Fixed width keeps the sort order of images, on which splits depend.
        return f"{self._name}/{self._records - 1:07d}"

    def close(self) -> None:
        """Closes the current record file."""
        if self._writer is not None:
            self._writer.close()

    def _begin(self) -> None:
        self.close()
        self._name = f"images-{self._count:05d}{SUFFIX}"
        library = record_library()
        self._writer = library.ArrayRecordWriter(
            str(self._folder / self._name), "group_size:1"
        )
        self._count += 1
        self._records = self._bytes = 0


def _require_same(row: PackedImage, place: Path) -> None:
    name, number = row.image.split("/")[:2]
    content = read_record(Record(str(place / name), int(number)))
    if sha256(content).hexdigest() != row.sha256:
        raise OSError(0, f"{row.image} was not written correctly")


def _write_table(path: Path, rows: Sequence[PackedImage]) -> None:
    """Writes the table without empty columns."""
    own = [name for name in _HEADER if any(getattr(row, name) for row in rows)]
    others = list(dict.fromkeys(name for row in rows for name in row.others))
    with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        writer = csv.writer(file)
        writer.writerow([*own, *others])
        for row in rows:
            cells = [getattr(row, name) for name in own]
            writer.writerow(cells + [row.others.get(name, "") for name in others])
