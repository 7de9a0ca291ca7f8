"""Images without labels, to be predicted."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..configs.choices import FindImagesBy
from ..core.errors import DataError
from .files.image_cache import ImageFiles, open_images
from .files.inspect import inspect_files
from .files.pixel_rules import DEFAULT_RULES, PixelRules
from .files.problems import problems_of_files, require_bit_depth
from .image_split import ImageSplit
from .index.image_index import TEST, ImageIndex
from .index.scan import list_images


def unlabelled_split(
    paths: Sequence[Path],
    image_size: int,
    batch_size: int,
    rules: PixelRules = DEFAULT_RULES,
    find_images_by: FindImagesBy = "extension",
) -> ImageSplit:
    """Images without labels, to be predicted.

    Args:
        paths: Files, or folders that are searched at any depth.
        image_size: Height and width in pixels.
        batch_size: Images per step over all replicas.
        rules: How pixels are read.
        find_images_by: Which files in folders are images.

    Raises:
        DataError: There is no image, or one can't be decoded; all those are named.
    """
    names = [name for path in paths for name in list_images(path, find_images_by)]
    index = _index_of_files(names, rules)
    files = ImageFiles(index.paths.tolist(), index.digests, image_size, rules)
    load, _ = open_images(files, "none", None)
    return ImageSplit(index, TEST, load, image_size, batch_size, rules.decoder)


def _index_of_files(paths: Sequence[str], rules: PixelRules) -> ImageIndex:
    """A table of images without labels, all in the test split."""
    records = inspect_files(paths, None, max_pixels=rules.max_pixels)
    problems = problems_of_files(records, "apply", rules.bit_depth)
    if problems:
        lines = [
            "All images must be decodable. These are not:",
            *(f"  {paths[row]}: {problem}" for row, problem in problems.items()),
            "Leave them out.",
        ]
        raise DataError("\n".join(lines))
    require_bit_depth(records, rules.bit_depth, "--bit-depth")
    count = len(paths)
    return ImageIndex(
        ("unknown",),
        np.array(paths, object),
        np.zeros(count, np.int32),
        np.full(count, TEST, np.int8),
        np.array([record.digest for record in records], "S32"),
        np.zeros(count, bool),
        np.arange(count),
    )
