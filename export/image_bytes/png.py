"""Decodes PNG files and their metadata in a graph."""

from typing import Any

import tensorflow as tf

from ...data.files.deep_images import needs_shift
from .checks import TOO_LARGE, checked
from .metadata import Metadata, number

_PALETTE, _WITH_ALPHA = 3, 4  # color types: a palette; 4 and above have alpha
_HEAD = 8  # bytes before the first chunk
_AROUND = 12  # bytes of a chunk in addition to its data
_XMP = b"XML:com.adobe.xmp\0"
_PACKED = "Compressed metadata of a PNG is not supported here: save it without"
_ODD_TRANSPARENCY = (
    "Transparency of a PNG of this depth is not supported here: save it as RGB"
)


def decode_png(content: Any, has_key: Any, bit_depth: int | None, max_pixels: int) -> Any:
    """Decodes a PNG over white; the upper 8 bits of 16.

    Args:
        content: Bytes of the file.
        has_key: Whether a color is transparent; see `png_metadata`.
        bit_depth: Number of used bits of 16; None for all of them.
        max_pixels: Maximum number of pixels; checked before decoding.

    Returns:
        The pixels, `(height, width, 3)` uint8.
    """
    head = tf.io.decode_raw(tf.strings.substr(content, 0, 32), tf.uint8)
    width, height = (tf.cast(number(head, place, 4), tf.int64) for place in (16, 20))
    is_small = width * height <= max_pixels
    content = checked(content, (width > 0) & (height > 0), "The PNG is damaged")
    content = checked(content, is_small, TOO_LARGE, height, width)
    depth, kind = number(head, 24, 1), number(head, 25, 1)
    is_plain = ~has_key | (kind == _PALETTE) | (depth == 8) | (depth == 1)
    content = checked(content, is_plain, _ODD_TRANSPARENCY)
    is_opaque = ~has_key & (kind < _WITH_ALPHA)
    upper = tf.cond(  # TensorFlow's alpha is wrong for less than 8 bits
        is_opaque,
        lambda: tf.io.decode_png(content, channels=3),
        lambda: _blend_over_white(content),
    )
    if bit_depth is None or not needs_shift(bit_depth):
        return upper
    return tf.cond(
        depth == 16, lambda: _used_bits(content, is_opaque, bit_depth), lambda: upper
    )


def _blend_over_white(content: Any) -> Any:
    """Blends 8 bits of each channel over white, rounded like Pillow."""
    pixels = tf.cast(tf.io.decode_png(content, channels=4), tf.int32)
    color, alpha = pixels[..., :3], pixels[..., 3:]
    mixed = (color * alpha + 255 * (255 - alpha) + 128) * 128
    return tf.cast((mixed // 256 + mixed) // 256 // 128, tf.uint8)


def _used_bits(content: Any, is_opaque: Any, bit_depth: int) -> Any:
    """Returns the upper 8 of the used bits of 16."""
    content = checked(content, is_opaque, _ODD_TRANSPARENCY)
    pixels = tf.cast(tf.io.decode_png(content, 3, tf.uint16), tf.int32)
    is_within = tf.reduce_max(pixels) < 2**bit_depth
    pixels = checked(pixels, is_within, f"The image uses more bits than {bit_depth}")
    return tf.cast(pixels // 2 ** (bit_depth - 8), tf.uint8)


def png_metadata(content: Any) -> tuple[Metadata, Any]:
    """Reads EXIF and XMP of a PNG, and whether a color is transparent."""
    length = tf.strings.length(content)

    def step(position: Any, exif: Any, xmp: Any, has_key: Any, _: Any) -> tuple[Any, ...]:
        head = tf.io.decode_raw(tf.strings.substr(content, position, 8), tf.uint8)
        size = number(head, 0, 4)
        kind = tf.strings.substr(content, position + 4, 4)
        is_whole = (size >= 0) & (size <= length - position - _AROUND)
        size = tf.where(is_whole, size, 0)
        is_metadata = (kind == b"eXIf") | (kind == b"zTXt") | _is_text(kind)
        body = tf.strings.substr(content, position + 8, tf.where(is_metadata, size, 0))
        body = checked(body, _is_plain(kind, body), _PACKED)
        exif = tf.where(kind == b"eXIf", body, exif)
        xmp = tf.where(_is_text(kind) & _starts_with(body, _XMP), body, xmp)
        has_key = has_key | (kind == b"tRNS")
        is_over = ~is_whole | (kind == b"IEND")
        return position + _AROUND + size, exif, xmp, has_key, is_over

    nothing, no = tf.constant(b""), tf.constant(False)
    _, exif, xmp, has_key, _ = tf.while_loop(
        lambda position, *rest: (position + _AROUND <= length) & ~rest[-1],
        step,
        (tf.constant(_HEAD), nothing, nothing, no, no),
    )
    return Metadata(exif, xmp), has_key


def _is_text(kind: Any) -> Any:
    return (kind == b"iTXt") | (kind == b"tEXt")


def _is_plain(kind: Any, body: Any) -> Any:
    """Returns whether no metadata with an orientation is compressed or in hex."""
    is_packed = (kind == b"iTXt") & _starts_with(body, _XMP + b"\1")
    is_packed = is_packed | ((kind == b"zTXt") & _starts_with(body, _XMP))
    return ~is_packed & ~_starts_with(body, b"Raw profile type exif\0")


def _starts_with(body: Any, beginning: bytes) -> Any:
    return tf.strings.substr(body, 0, len(beginning)) == beginning
