"""Finds image files that can't be used, and unusual properties of the others."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os.path import splitext

from ...configs.choices import ExifOrientation
from ...core.counted import counted_clause
from ...core.errors import DataError, message
from ...core.names import printable
from .decode import UPRIGHT
from .file_records import FileRecord
from .formats import FORMATS
from .pixel_rules import FULL_BITS

_NEARLY_BLACK = 12  # bits: no value above a sixteenth of white

_ODDITIES: dict[str, Callable[[str, FileRecord], bool]] = {
    "have a format that differs from the extension": lambda path, record: (
        record.format not in ("", *FORMATS.get(splitext(path)[1].lower(), (record.format,)))
    ),
    "have several frames: the first is used": lambda _, record: record.is_animated,
    "are rotated according to EXIF": lambda _, record: record.orientation != UPRIGHT,
    "have extra bytes at the end": lambda _, record: record.has_odd_end,
}


def problems_of_files(
    records: Sequence[FileRecord],
    exif_orientation: ExifOrientation,
    bit_depth: int | None = None,
) -> dict[int, str]:
    """Returns by row why files can't be used."""
    problems = {row: each.problem for row, each in enumerate(records) if each.problem}
    if exif_orientation == "refuse":
        for row, record in enumerate(records):
            if record.orientation != UPRIGHT:
                problems[row] = f"its EXIF orientation is {record.orientation}, not upright"
    for row, record in enumerate(records):
        if bit_depth is not None and record.bits > bit_depth:
            problems[row] = f"it uses {record.bits} bits, more than data.bit_depth"
    return problems


def remarks_on_files(
    paths: Sequence[str],
    records: Sequence[FileRecord],
    problems: Mapping[int, str],
    ignored: Iterable[Mapping[str, int]],
) -> Iterator[str]:
    """Yields remarks on unusual files, each with the first example.

    Args:
        paths: Image files.
        records: Their records.
        problems: By row, why files can't be used.
        ignored: For each folder, the number of skipped files by extension.
    """
    total: Counter[str] = Counter()
    for counts in ignored:
        total.update(counts)
    if total:
        kinds = ", ".join(f"{count} of {name}" for name, count in total.most_common())
        yield f"skipped because of their extensions: {kinds}"
    rows = [row for row in range(len(paths)) if row not in problems]
    for words, is_odd in _ODDITIES.items():
        found = [paths[row] for row in rows if is_odd(paths[row], records[row])]
        if found:
            clause = counted_clause(len(found), f"images {words}")
            yield f"{clause} ({printable(found[0])})"


def require_bit_depth(
    records: Sequence[FileRecord], bit_depth: int | None, setting: str = "data.bit_depth"
) -> None:
    """Checks that 16-bit images use all bits, or that the bit depth is set.

    Args:
        records: Records of the images.
        bit_depth: The setting; None if it is not set.
        setting: Name of the setting, for the message.

    Raises:
        DataError: No image uses all bits, and the bit depth is not set.
    """
    question = unused_bits(records, setting)
    if bit_depth is None and question:
        raise DataError(question)


def unused_bits(records: Sequence[FileRecord], setting: str) -> str:
    """Returns a question about the bit depth if no image uses all 16 bits; else empty."""
    deep = [record.bits for record in records if record.bits]
    used = max(deep, default=FULL_BITS)
    if used == FULL_BITS:
        return ""
    return message(
        f"{len(deep)} images have 16 bits per channel, but none has a value above "
        f"{2**used - 1:,}: read as 16 bits, they would be nearly black.",
        f"If white is {2**used - 1:,}, set {setting}={used}; if it is 65,535, "
        f"{setting}={FULL_BITS}.",
        bits_used=used,
    )


def remarks_on_bits(records: Sequence[FileRecord], bit_depth: int | None) -> Iterator[str]:
    """Yields a remark on dark 16-bit images among others that use all bits."""
    deep = [record.bits for record in records if record.bits]
    dark = sum(bits <= _NEARLY_BLACK for bits in deep)
    if dark and bit_depth in (None, FULL_BITS):
        yield (
            f"{dark} of {len(deep)} images of 16 bits per channel have no value above "
            f"{2**_NEARLY_BLACK - 1:,}: they are nearly black"
        )
