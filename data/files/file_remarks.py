"""Says which picture files are not to be used, and what is odd about the others."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os.path import splitext
from typing import Literal

from ...core.names import printable
from .decode import FORMATS, UPRIGHT
from .records import FileRecord

ExifOrientation = Literal["apply", "refuse"]

_ODDITIES: dict[str, Callable[[str, FileRecord], bool]] = {
    "are of another format than their names say": lambda path, record: (
        record.format not in FORMATS.get(splitext(path)[1].lower(), (record.format,))
    ),
    "have several frames: the first is taken": lambda _, record: record.is_animated,
    "are turned as EXIF says": lambda _, record: record.orientation != UPRIGHT,
    "have odd bytes at their end": lambda _, record: record.has_odd_end,
}


def problems_of_files(
    records: Sequence[FileRecord],
    exif_orientation: ExifOrientation,
    bit_depth: int | None = None,
) -> dict[int, str]:
    """Why files can't be used, by row."""
    problems = {row: each.problem for row, each in enumerate(records) if each.problem}
    if exif_orientation == "refuse":
        for row, record in enumerate(records):
            if record.orientation != UPRIGHT:
                problems[row] = f"EXIF says to turn it (orientation {record.orientation})"
    for row, record in enumerate(records):
        if bit_depth is not None and record.bits > bit_depth:
            problems[row] = f"it uses {record.bits} bits, more than data.bit_depth says"
    return problems


def remarks_on_files(
    paths: Sequence[str],
    records: Sequence[FileRecord],
    problems: Mapping[int, str],
    ignored: Iterable[Mapping[str, int]],
) -> Iterator[str]:
    """Lines on what is odd about files, each with the first one that it is true of.

    Args:
        paths: Picture files.
        records: What opening them told.
        problems: Why files can't be used, by row.
        ignored: For each folder, how many files of which other extensions are in it.
    """
    total: Counter[str] = Counter()
    for counts in ignored:
        total.update(counts)
    if total:
        kinds = ", ".join(f"{count} of {name}" for name, count in total.most_common())
        yield f"passed over by their extensions: {kinds}"
    rows = [row for row in range(len(paths)) if row not in problems]
    for words, is_odd in _ODDITIES.items():
        found = [paths[row] for row in rows if is_odd(paths[row], records[row])]
        if found:
            yield f"{len(found)} pictures {words} ({printable(found[0])})"
