"""Decodes the bytes of image files to the pixels that a model takes, in a graph.

The rules are those of `data/files/decode.py`. Images for which they can't be followed are
rejected with a message: formats other than JPEG and PNG, CMYK, and the unusual kinds of PNG
that the messages of this package list.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ...data.files.pixel_rules import PixelRules
from .checks import checked
from .jpeg import decode_jpeg, jpeg_metadata
from .metadata import orientation_of
from .png import decode_png, png_metadata
from .resize import resize

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_OTHER = "The bytes must be those of a JPEG or PNG file"
_TURNS: tuple[Callable[[Any], Any], ...] = (
    tf.identity,
    tf.image.flip_left_right,
    lambda pixels: tf.image.rot90(pixels, 2),
    tf.image.flip_up_down,
    lambda pixels: tf.transpose(pixels, (1, 0, 2)),
    lambda pixels: tf.image.rot90(pixels, 3),
    lambda pixels: tf.transpose(tf.image.rot90(pixels, 2), (1, 0, 2)),
    tf.image.rot90,
)


def decode(contents: Any, size: int, rules: PixelRules) -> Any:
    """Decodes images and resizes them to squares.

    Args:
        contents: Bytes of JPEG or PNG files, `(images,)` string.
        size: Height and width of the result.
        rules: How pixels are read.

    Returns:
        RGB images, `(images, size, size, 3)` uint8.

    Raises:
        tf.errors.InvalidArgumentError: An image can't be read; the message explains why.
    """
    return tf.map_fn(
        lambda content: _decode(content, size, rules),
        contents,
        fn_output_signature=tf.TensorSpec((size, size, 3), tf.uint8),
    )


def _decode(content: Any, size: int, rules: PixelRules) -> Any:
    is_jpeg = tf.strings.substr(content, 0, len(_JPEG)) == _JPEG
    is_png = tf.strings.substr(content, 0, len(_PNG)) == _PNG
    content = checked(content, is_jpeg | is_png, _OTHER)
    pixels, width, height, orientation = tf.cond(
        is_jpeg, lambda: _jpeg(content, size, rules), lambda: _png(content, rules)
    )
    resized = resize(pixels, width, height, size)
    turned = tf.switch_case(
        orientation - 1, [lambda turn=turn: turn(resized) for turn in _TURNS]
    )
    return tf.ensure_shape(turned, (size, size, 3))


def _jpeg(content: Any, size: int, rules: PixelRules) -> tuple[Any, ...]:
    orientation = orientation_of(jpeg_metadata(content))
    return *decode_jpeg(content, size, rules.max_pixels), orientation


def _png(content: Any, rules: PixelRules) -> tuple[Any, ...]:
    metadata, has_key = png_metadata(content)
    pixels = decode_png(content, has_key, rules.bit_depth, rules.max_pixels)
    height, width, _ = tf.unstack(tf.cast(tf.shape(pixels), tf.float64))
    return pixels, width, height, orientation_of(metadata)
