"""The images by which an export is compared with its model: real ones, of all classes."""

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
from ..data.image_split import Integers
from ..data.samples import spread_places
from .comparison import Reference
from .portable.task_answers import CLASSIFICATION, TaskRules

LEAST_IMAGES = 64


@runtime_checkable
class ImageFiles(Protocol):
    """A split whose images are files, or lie in record files; `data.ImageSplit` is one."""

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
        """Decoded images at these places: `(places, height, width, 3)`, RGB."""

    def content(self, place: int) -> bytes:
        """The bytes of the file of an image."""


@dataclass(frozen=True)
class ComparedImages:
    """Some images of a split.

    Args:
        split: Where they are from.
        split_name: What it is called.
        places: Of the images in it.
    """

    split: ImageFiles
    split_name: str
    places: Integers

    @property
    def pixels(self) -> npt.NDArray[np.uint8]:
        """As the model was trained on: decoded by the split, and not by an export."""
        return self.split.images(self.places)

    @property
    def cells(self) -> dict[str, list[str]] | None:
        """Those of the table beside the images, by column; None if there are none."""
        features = self.split.table_features
        if features is None:
            return None
        columns = self.split.columns
        return {name: columns[name][self.places].tolist() for name in features.names}

    @contextlib.contextmanager
    def reference(
        self, probabilities: npt.NDArray[np.floating], rules: TaskRules = CLASSIFICATION
    ) -> Iterator[Reference]:
        """The files of the images, for a while, with what the model says of them.

        Args:
            probabilities: `(images, classes)`, corrected if there is a correction.
            rules: What is predicted.

        Raises:
            DataError: A file was changed or removed.
        """
        labels = self.split.labels
        with tempfile.TemporaryDirectory(prefix="keraunos-") as folder:
            files = [
                self._copied(number, place, Path(folder))
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

    def _copied(self, number: int, place: int, folder: Path) -> Path:
        """A file of the same bytes: one that lies in a record file has none of its own."""
        suffix = Path(self.split.names[place]).suffix
        file = folder / f"{number:06d}{suffix}"
        with file.open("xb") as opened:
            opened.write(self.split.content(place))
        return file


def choose_images(data: Any, least: int = LEAST_IMAGES) -> ComparedImages:
    """Chooses images of the test split, or else of the validation split.

    Each class has as many as any other, as far as there are so many, and at least one;
    those of a class are spread evenly over the split.

    Args:
        data: `ImageData`, or one split of it.
        least: How many images at least; all if there are fewer.

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
            "An export is compared with its model on images of the test or validation "
            "split, but there are neither.",
            "Set data.test, or pass ImageData with such a split.",
            data=type(data).__name__,
        )
    )


def _spread(split: ImageFiles, least: int) -> Integers:
    """Places of images of all classes; of other tasks evenly spaced ones."""
    if split.labels is not None:
        return spread_over_classes(split.labels, least)
    return spread_places(len(split.names), least)


def spread_over_classes(labels: npt.NDArray[np.integer], least: int) -> Integers:
    """Places of images of all classes, in order.

    Args:
        labels: `(images,)`, the class of each.
        least: How many places at least; all if there are fewer.

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
