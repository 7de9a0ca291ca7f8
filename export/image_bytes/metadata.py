"""Reads the orientation of an image from EXIF or XMP metadata, in a graph.

Like Pillow, it reads EXIF first, and XMP if EXIF has no orientation. If EXIF is damaged
before its orientation, versions of Pillow differ, and the image is rejected.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from .checks import checked

UPRIGHT = 1
_ORIENTATION = 0x0112
_ENTRY = 12  # bytes
_HEADER = 8
_SHORT, _LONG = (3, 8), (4, 9, 13)  # types of integers and offsets
# Bytes of a value by the type of an entry; 0 for undefined types.
_SIZES = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8)
_OTHER_NUMBERS = (5, 10, 11, 12, 16)  # fractions, floats and 64-bit integers
_IN_XMP = r'(?s)\A\C*?tiff:Orientation(?:="|>)([0-9])\C*\z'
_ODD = "The EXIF orientation is stored in an unsupported way: save it upright"


class Metadata(NamedTuple):
    """The metadata of an image, as scalar strings; empty if there are none.

    Attributes:
        exif: EXIF, starting with its TIFF header.
        xmp: XMP, an XML document.
    """

    exif: Any
    xmp: Any


def number(data: Any, position: Any, count: int, is_little: Any = False) -> Any:
    """Decodes an integer; missing bytes count as zeros.

    Args:
        data: The bytes, `(bytes,)` uint8.
        position: Position of the first byte.
        count: Number of bytes.
        is_little: Whether the byte order is little-endian.
    """
    rows = _take(data, position + tf.range(count))
    ordered = tf.where(is_little, rows[::-1], rows)
    total = tf.constant(0)
    for place in range(count):
        total = total * 256 + ordered[place]
    return total


def orientation_of(metadata: Metadata) -> Any:
    """Returns the orientation, 1 to 8."""
    has_exif = tf.strings.length(metadata.exif) > 0
    is_readable, in_exif = tf.cond(
        has_exif, lambda: _in_exif(metadata.exif), lambda: (True, tf.constant(0))
    )
    use_xmp = is_readable & (in_exif == 0)
    in_xmp = tf.where(use_xmp, _in_xmp(metadata.xmp), UPRIGHT)
    found = tf.where(in_exif == 0, in_xmp, in_exif)
    return tf.where((found >= 1) & (found <= 8), found, UPRIGHT)


def _in_exif(exif: Any) -> tuple[Any, Any]:
    """Returns whether the bytes are EXIF, and their orientation, 0 if they have none."""
    data = tf.io.decode_raw(exif, tf.uint8)
    order, mark = number(data, 0, 2), number(data, 2, 2)
    is_little = order == 0x4949
    is_known = is_little | (order == 0x4D4D)
    is_tiff = is_known & ((mark == 0x002A) | (mark == 0x2A00))
    is_large = is_known & ((mark == 0x002B) | (mark == 0x2B00))
    start = number(checked(data, ~is_large, _ODD), 4, 4, is_little)
    return tf.cond(
        is_tiff & (start >= 0) & (start < tf.size(data)),
        lambda: (True, _in_directory(data, start, is_little)),
        lambda: (is_tiff, tf.constant(0)),
    )


def _in_directory(data: Any, start: Any, is_little: Any) -> Any:
    """Returns the orientation in the entries from `start` on; 0 if there is none."""
    count = number(data, start, 2, is_little)
    room = tf.maximum((tf.size(data) - start - 2) // _ENTRY, 0)
    places = start + 2 + _ENTRY * tf.range(tf.minimum(count, room))
    rows = tf.gather(data, places[:, None] + tf.range(_ENTRY))
    tags, types, counts, values = _columns(tf.cast(rows, tf.int64), is_little)
    sizes = tf.gather(tf.constant(_SIZES, tf.int64), tf.minimum(types, len(_SIZES) - 1))
    sizes = tf.where(types < len(_SIZES), sizes, 0) * counts
    is_broken = (sizes > 4) & (values + sizes > tf.size(data, tf.int64))
    broken_before = tf.cumsum(tf.cast(is_broken, tf.int32))
    mine = tf.where((tags == _ORIENTATION) & (sizes > 0))[:, 0]

    def value() -> Any:
        first = mine[0]
        is_clear = (tf.size(mine) == 1) & (broken_before[first] == 0)
        row = checked(rows[first], is_clear, _ODD)
        return _value(row, types[first], counts[first], is_little)

    return tf.cond(tf.size(mine) > 0, value, lambda: tf.constant(0))


def _columns(rows: Any, is_little: Any) -> tuple[Any, Any, Any, Any]:
    """Returns tag, type, count and value of each entry, int64."""

    def column(start: int, count: int) -> Any:
        taken = rows[:, start : start + count]
        powers = tf.constant([256**place for place in range(count)], tf.int64)
        return tf.reduce_sum(taken * tf.where(is_little, powers, powers[::-1]), axis=1)

    return column(0, 2), column(2, 2), column(4, 4), column(8, 4)


def _value(row: Any, kind: Any, count: Any, is_little: Any) -> Any:
    """Returns the first value of an entry."""
    is_short, is_long, is_other = (
        tf.reduce_any(kind == tf.constant(each, tf.int64))
        for each in (_SHORT, _LONG, _OTHER_NUMBERS)
    )
    fits = (is_short & (count <= 2)) | (is_long & (count == 1))
    is_odd = is_other | ((is_short | is_long) & ~fits)
    row = checked(row, ~is_odd, _ODD)
    short, long = number(row, 8, 2, is_little), number(row, 8, 4, is_little)
    return tf.where(is_short, short, tf.where(is_long, long, -1))


def _in_xmp(xmp: Any) -> Any:
    digit = tf.strings.regex_replace(xmp, _IN_XMP, r"\1")
    is_digit = (tf.strings.length(digit) == 1) & (tf.strings.length(xmp) > 1)
    return tf.strings.to_number(tf.where(is_digit, digit, "1"), tf.int32)


def _take(data: Any, places: Any) -> Any:
    """Returns bytes at some positions as int32, zero beyond the end."""
    last = tf.size(data) - 1
    found = tf.gather(data, tf.clip_by_value(places, 0, tf.maximum(last, 0)))
    is_inside = (places >= 0) & (places <= last)
    return tf.where(is_inside, tf.cast(found, tf.int32), 0)
