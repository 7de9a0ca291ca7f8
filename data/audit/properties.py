"""Statistics of image files: formats, sizes, color modes and orientations."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..files.file_records import FileRecord
from ..files.fingerprints import Fingerprints
from ..files.formats import FORMATS

# A giant has more pixels than this, and than this multiple of the median.
GIANT_PIXELS = 4_000_000
GIANT_TIMES_MEDIAN = 16
_CHUNK = 1000


@dataclass
class ImageProperties:
    """Properties of the decodable files.

    Attributes:
        sizes: `(rows, 2)`: width and height as stored; 0 for undecodable files.
        formats: Number of files by format.
        modes: Number of files by color mode.
        orientations: Number of files by EXIF orientation; 1 is upright.
        mislabeled: By row, files whose format differs from their extension.
    """

    sizes: npt.NDArray[np.int32]
    formats: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    orientations: Counter[int] = field(default_factory=Counter)
    mislabeled: dict[int, str] = field(default_factory=dict)

    def giants(self) -> dict[int, str]:
        """Returns by row a description of images that are far larger than the others."""
        pixels = self.sizes.astype(np.int64).prod(axis=1)
        median = float(np.median(pixels[pixels > 0])) if pixels.any() else 0.0
        rows = np.flatnonzero(pixels > max(GIANT_PIXELS, GIANT_TIMES_MEDIAN * median))
        return {
            int(row): "{} x {} pixels, {:.0f} times as many as the median image".format(
                *self.sizes[row], pixels[row] / median
            )
            for row in rows
        }


def image_properties(
    paths: Sequence[str], records: Sequence[FileRecord], fingerprints: Fingerprints
) -> ImageProperties:
    """Counts formats, modes and orientations, and finds wrong extensions."""
    sizes = np.array([(each.width, each.height) for each in records], np.int32)
    properties = ImageProperties(sizes.reshape(-1, 2))
    for start in range(0, len(paths), _CHUNK):
        rows = range(start, min(start + _CHUNK, len(paths)))
        found = fingerprints.find([records[row].digest for row in rows])
        for row in rows:
            image = found.get(records[row].digest)
            if image is not None and not records[row].problem:
                properties.formats[image.format] += 1
                properties.modes[image.mode] += 1
                properties.orientations[image.orientation] += 1
                extension = Path(paths[row]).suffix.lower()
                if image.format not in FORMATS.get(extension, (image.format,)):
                    properties.mislabeled[row] = f"it is a {image.format} named {extension}"
    return properties
