"""Decodes JPEG files and their metadata in a graph."""

from typing import Any

import tensorflow as tf

from .checks import TOO_LARGE, checked
from .metadata import Metadata, number

_FRACTIONS = (1, 2, 4, 8)
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_APP1, _END_OF_IMAGE, _START_OF_SCAN = 0xE1, 0xD9, 0xDA


def decode_jpeg(content: Any, size: int, max_pixels: int) -> tuple[Any, Any, Any]:
    """Decodes a JPEG, at a half, a quarter or an eighth of its size if that covers `size`.

    Args:
        content: Bytes of the file.
        size: Required height and width.
        max_pixels: Maximum number of pixels; checked before decoding.

    Returns:
        The pixels, `(height, width, 3)` uint8, and the used part of their width and height,
        float64.
    """
    height, width, channels = tf.unstack(tf.io.extract_jpeg_shape(content))
    number_of_pixels = tf.cast(height, tf.int64) * tf.cast(width, tf.int64)
    is_color = (channels == 1) | (channels == 3)
    content = checked(content, is_color, "CMYK is not supported here: save it as RGB")
    is_small = number_of_pixels <= max_pixels
    content = checked(content, is_small, TOO_LARGE, height, width)
    scale = tf.minimum(width // size, height // size)
    place = sum(tf.cast(scale >= each, tf.int32) for each in _FRACTIONS[1:])
    pixels = tf.switch_case(place, [_decoder(content, each) for each in _FRACTIONS])
    fraction = tf.cast(tf.gather(_FRACTIONS, place), tf.float64)
    used = [tf.cast(each, tf.float64) / fraction for each in (width, height)]
    return pixels, *used


def _decoder(content: Any, fraction: int) -> Any:
    return lambda: tf.io.decode_jpeg(
        content, channels=3, ratio=fraction, dct_method="INTEGER_ACCURATE"
    )


def jpeg_metadata(content: Any) -> Metadata:
    """Reads EXIF and XMP from the segments before the pixels of a JPEG."""
    data = tf.io.decode_raw(content, tf.uint8)
    length = tf.size(data)

    def step(position: Any, exif: Any, xmp: Any, _: Any) -> tuple[Any, ...]:
        marker = tf.cast(data[position + 1], tf.int32)
        is_segment, skipped = _kind(tf.cast(data[position], tf.int32), marker)
        end = position + tf.where(is_segment, 2 + number(data, position + 2, 2), skipped)
        body = _text(content, position + 4, end, is_segment & (marker == _APP1))
        exif = tf.strings.join([exif, _strip_prefix(body, _EXIF)])
        found = _strip_prefix(body, _XMP)
        xmp = tf.where(tf.strings.length(found) > 0, found, xmp)
        is_over = (marker == _START_OF_SCAN) | (marker == _END_OF_IMAGE)
        return end, exif, xmp, is_segment & is_over

    start = (tf.constant(2), tf.constant(b""), tf.constant(b""), tf.constant(False))
    _, exif, xmp, _ = tf.while_loop(
        lambda position, *rest: (position + 4 <= length) & ~rest[-1], step, start
    )
    return Metadata(exif, xmp)


def _kind(first: Any, marker: Any) -> tuple[Any, Any]:
    """Returns whether a segment begins, and otherwise the number of bytes to skip."""
    is_marker = first == 0xFF
    is_padding = is_marker & (marker == 0xFF)
    stands_alone = (marker == 0) | (marker == 1) | ((marker >= 0xD0) & (marker <= 0xD9))
    is_segment = is_marker & ~is_padding & ~stands_alone
    skipped = tf.where(is_marker & stands_alone, 2, 1)
    return is_segment, skipped


def _text(content: Any, start: Any, end: Any, is_wanted: Any) -> Any:
    """Returns the bytes of a part; empty if it is not wanted."""
    length = tf.where(is_wanted, tf.maximum(end - start, 0), 0)
    return tf.strings.substr(content, start, length)


def _strip_prefix(body: Any, beginning: bytes) -> Any:
    """Returns the rest after a prefix; empty if the prefix differs."""
    length = len(beginning)
    is_right = tf.strings.substr(body, 0, length) == beginning
    return tf.cond(
        is_right,
        lambda: tf.strings.substr(body, length, tf.strings.length(body) - length),
        lambda: tf.constant(b""),
    )
