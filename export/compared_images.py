"""Chooses the images on which an export is compared with its model."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ..core.errors import ConfigError, message
from ..core.files import sha256_of_file
from ..data.files.pixel_rules import PixelRules
from ..data.samples import spread_places
from ..data.split_rows import Integers
from .comparison import Reference
from .portable.task_answers import CLASSIFICATION, TaskRules

LEAST_IMAGES = 64


@runtime_checkable
class ImageFiles(Protocol):
    """A split with image files or images in record files, such as `data.ImageSplit`."""

    task: Any
    class_names: Any
    image_size: int
    rules: PixelRules
    labels: Any
    names: Any
    digests: Any
    columns: Any
    table_features: Any

    def images(self, places: Integers) -> npt.NDArray[np.uint8]:
        """Returns the images at these positions, `(places, height, width, 3)` RGB uint8."""

    def content(self, place: int) -> bytes:
        """Returns the bytes of an image file."""


@dataclass(frozen=True)
class ComparedImages:
    """Some images of a split.

    Args:
        split: The split.
        split_name: Name of the split.
        places: Positions of the images in the split, `(images,)`.
    """

    split: ImageFiles
    split_name: str
    places: Integers

    @property
    def pixels(self) -> npt.NDArray[np.uint8]:
        """The images as decoded in training, not by an export."""
        return self.split.images(self.places)

    @property
    def cells(self) -> dict[str, list[str]] | None:
        """The table cells of the images by column; None without columns."""
        features = self.split.table_features
        if features is None:
            return None
        columns = self.split.columns
        return {name: columns[name][self.places].tolist() for name in features.names}

    @contextlib.contextmanager
    def reference(
        self, probabilities: npt.NDArray[np.floating], rules: TaskRules = CLASSIFICATION
    ) -> Iterator[Reference]:
        """Yields temporary files of the images with the outputs of the model.

        Args:
            probabilities: Outputs of the model, `(images, classes)`, calibrated if there is
                a calibration.
            rules: Rules of the task.

        Raises:
            DataError: A file was changed or removed.
        """
        labels = self.split.labels
        with tempfile.TemporaryDirectory(prefix="keraunos-") as folder:
            files = [
                self._copy_image(number, place, Path(folder))
                for number, place in enumerate(self.places.tolist())
            ]
            yield Reference(
                files,
                self.split.class_names,
                probabilities,
                None if labels is None else labels[self.places],
                [self.split.names[place] for place in self.places],
                self.split_name,
                [sha256_of_file(file) for file in files],
                rules,
                self.cells,
            )

    def _copy_image(self, number: int, place: int, folder: Path) -> Path:
        """Copies an image into a folder, since images in record files have no files."""
        suffix = Path(self.split.names[place]).suffix
        file = folder / f"{number:06d}{suffix}"
        with file.open("xb") as opened:
            opened.write(self.split.content(place))
        return file


def choose_images(data: Any, least: int = LEAST_IMAGES) -> ComparedImages:
    """Chooses images of the test split, or else of the validation split.

    Each class has at least one image, and as many as any other class if there are enough.
    Those of a class are spread evenly over the split.

    Args:
        data: `ImageData`, or one split of it.
        least: Minimum number of images; all are chosen if there are fewer.

    Raises:
        ConfigError: There are no such images.
    """
    for name in ("test", "validation"):
        split = getattr(data, name, None)
        if isinstance(split, ImageFiles) and len(split.names):
            return ComparedImages(split, name, _spread(split, least))
    if isinstance(data, ImageFiles) and len(data.names):
        return ComparedImages(data, "data", _spread(data, least))
    raise ConfigError(
        message(
            "An export needs images of the test or validation split, on which it is "
            "compared with its model.",
            "Set data.test, or pass ImageData with such a split.",
            data=type(data).__name__,
        )
    )


def _spread(split: ImageFiles, least: int) -> Integers:
    """Chooses images of all classes, or evenly spaced ones for other tasks."""
    if split.labels is not None:
        return spread_over_classes(split.labels, least)
    return spread_places(len(split.names), least)


def spread_over_classes(labels: npt.NDArray[np.integer], least: int) -> Integers:
    """Chooses images of all classes.

    Args:
        labels: Class of each image, `(images,)`.
        least: Minimum number of images; all are chosen if there are fewer.

    Returns:
        Indices of the images, sorted.

    Example:
        >>> spread_over_classes(np.array([0, 0, 0, 0, 0, 1, 2]), 4).tolist()
        [0, 4, 5, 6]
    """
    classes, counts = np.unique(labels, return_counts=True)
    shares = np.arange(1, counts.max() + 1)
    totals = np.minimum(counts, shares[:, np.newaxis]).sum(axis=1)
    share = shares[np.searchsorted(totals, min(least, len(labels)))]
    chosen = []
    for each, count in zip(classes, counts, strict=True):
        of_class = np.flatnonzero(labels == each)
        ranks = np.linspace(0, count - 1, min(count, share)).round().astype(np.int64)
        chosen.append(of_class[ranks])
    return np.sort(np.concatenate(chosen))
