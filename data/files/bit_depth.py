"""Finds images of 16 bits per channel that use fewer, and would come out black."""

from collections.abc import Iterator, Sequence

from ...core.errors import DataError, message
from .pixel_rules import FULL_BITS
from .records import FileRecord

_NEARLY_BLACK = 12  # bits: no value above a sixteenth of white


def require_bit_depth(
    records: Sequence[FileRecord], bit_depth: int | None, setting: str = "data.bit_depth"
) -> None:
    """Makes sure that images of 16 bits use them, or that it was said how many they use.

    Args:
        records: What opening the images told.
        bit_depth: What was said.
        setting: What to type.

    Raises:
        DataError: No image uses all bits, and nothing was said.
    """
    question = unused_bits(records, setting)
    if bit_depth is None and question:
        raise DataError(question)


def unused_bits(records: Sequence[FileRecord], setting: str) -> str:
    """Asks how many bits are used, if no image uses all 16; else empty."""
    deep = [record.bits for record in records if record.bits]
    used = max(deep, default=FULL_BITS)
    if used == FULL_BITS:
        return ""
    return message(
        f"{len(deep)} images have 16 bits per channel, but none has a value above "
        f"{2**used - 1:,}: taken as 16 bits they would be nearly black.",
        f"If their white is {2**used - 1:,}, type {setting}={used}; if it is 65,535, "
        f"{setting}={FULL_BITS}.",
        bits_used=used,
    )


def remarks_on_bits(records: Sequence[FileRecord], bit_depth: int | None) -> Iterator[str]:
    """A line on images of hardly any bits among others that use all."""
    deep = [record.bits for record in records if record.bits]
    dark = sum(bits <= _NEARLY_BLACK for bits in deep)
    if dark and bit_depth in (None, FULL_BITS):
        yield (
            f"{dark} of {len(deep)} images of 16 bits per channel have no value above "
            f"{2**_NEARLY_BLACK - 1:,}: they are nearly black"
        )
