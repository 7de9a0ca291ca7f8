"""Stand-ins for models and files in predictions of many images."""

from collections.abc import Iterable, Iterator

import numpy as np
from keraunos.data.streams.image_names import ImageName
from keraunos.data.streams.read_stream import ReadImage
from serving_models import SIZE


def image_names(count: int) -> Iterator[ImageName]:
    """Names that are generated on demand."""
    for number in range(count):
        yield ImageName(f"{number:06}.png", number=number + 1)


def read_without_decoding(
    names: Iterable[ImageName], every: int = 0
) -> Iterator[ReadImage]:
    """Images of one color each, given by the number in their names.

    Args:
        names: Names of the images.
        every: Interval of images that can't be read; 0 for none.
    """
    for name in names:
        if every and name.number % every == 0:
            yield ReadImage(name, (), "it is damaged")
        else:
            yield ReadImage(name, (pixels_of(name.number),))


def pixels_of(number: int) -> np.ndarray:
    """Distinct for all numbers below a million."""
    color = np.array([number % 100 + 1, number // 100 % 100 + 1, number // 10_000 + 1])
    return np.broadcast_to(color.astype(np.uint8), (SIZE, SIZE, 3))
