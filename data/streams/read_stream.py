"""Decodes a stream of images in parallel and in order."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple, TypeVar

import numpy as np

from ..files.decode import Pixels
from ..files.parallel_reader import AT_ONCE, ParallelReader, Reader
from ..files.pixel_rules import PixelRules
from .image_names import ImageName

Item = TypeVar("Item")


class Decoding(NamedTuple):
    """The form in which a model takes images.

    Attributes:
        size: Height and width in pixels.
        rules: Rules for reading pixels.
    """

    size: int
    rules: PixelRules


class ReadImage(NamedTuple):
    """A decoded image, or the reason why it could not be read.

    Attributes:
        image: The name of the image.
        pixels: `(size, size, 3)` RGB, uint8, for each decoding; empty if unreadable.
        problem: Why the image is unreadable; empty if it is not.
    """

    image: ImageName
    pixels: tuple[Pixels, ...]
    problem: str = ""


def read_stream(
    images: Iterable[ImageName],
    decodings: Sequence[Decoding],
    reader: ParallelReader,
    ahead: int = 0,
) -> Iterator[ReadImage]:
    """Decodes any number of images.

    Args:
        images: Names of images, consumed lazily.
        decodings: The forms in which each image is decoded.
        reader: Decodes files in parallel.
        ahead: Minimum number of images to decode ahead.
    """

    def read(reader: Reader, part: list[ImageName]) -> list[ReadImage]:
        return _read(reader, part, decodings)

    parts = batches_of(images, AT_ONCE)
    return chain.from_iterable(reader.map(read, parts, ahead // AT_ONCE))


def batches_of(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yields items in batches; the last may be smaller.

    Example:
        >>> list(batches_of("abc", 2))
        [['a', 'b'], ['c']]
    """
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch


def _read(
    reader: Reader, part: Sequence[ImageName], decodings: Sequence[Decoding]
) -> list[ReadImage]:
    paths = [each.name for each in part if not each.problem]
    arrays, problems = [], [""] * len(paths)
    for size, rules in decodings:
        pixels = np.empty((len(paths), size, size, 3), np.uint8)
        more = reader.try_read_into(pixels, paths, rules)
        problems = [a or b for a, b in zip(problems, more, strict=True)]
        arrays.append(pixels)
    rows = iter(zip(problems, zip(*arrays, strict=True), strict=True))
    read = []
    for each in part:
        problem, views = (each.problem, ()) if each.problem else next(rows)
        read.append(ReadImage(each, () if problem else tuple(views), problem))
    return read
