"""Reads the images for `keraunos probe`, and divides them into splits or folds."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..configs import RunConfig
from ..core.errors import DataError, message
from ..data import Augmentation, ImageData
from ..data.image_split import ImageSplit
from ..data.index.build_index import build_index
from ..data.index.image_index import TRAIN, VALIDATION, ImageIndex
from ..data.order import balanced_weights

Rows = npt.NDArray[np.intp]
Floats = npt.NDArray[np.floating[Any]]


class Fold(NamedTuple):
    """One division of the images: rows to fit heads on, and rows to score them on."""

    train: Rows
    validation: Rows


@dataclass(frozen=True)
class ProbedImages:
    """Training images followed by validation images.

    Attributes:
        data: The data that the images belong to.
        parts: The training split and the validation split, which define the order.
        labels: Class indices `(images,)`.
        undivided: Group numbers `(images,)`, shared by images that stay in one split.
        groups: Group numbers `(images,)` for intervals, or None if there are no groups.
        folds: The divisions of the images: a single one, or one per fold.
        is_balanced: Whether all classes have the same weight in training.
    """

    data: ImageData
    parts: tuple[ImageSplit, ImageSplit]
    labels: npt.NDArray[np.int32]
    undivided: Rows
    groups: Rows | None
    folds: list[Fold]
    is_balanced: bool

    def weights(self, rows: Rows) -> Floats | None:
        """Returns example weights for the given rows; None if all are equal."""
        if not self.is_balanced:
            return None
        labels = self.labels[rows]
        counts = np.bincount(labels, minlength=self.data.num_classes)
        return balanced_weights(counts)[labels]


def read_probed_images(config: RunConfig) -> ProbedImages:
    """Reads the images of a configuration, and divides them like a run.

    Raises:
        DataError: There are no validation images, or the images would spoil a run.
    """
    first = config.data
    if first.folds is not None and first.fold is None:
        first = first.model_copy(update={"fold": 1})
    data = ImageData.from_config(
        first, Augmentation(strength=0), config.seed, config.cache_dir
    )
    if data.validation is None:
        raise DataError(
            message(
                "Heads are scored on validation images, but there are none.",
                "Set data.validation_split=0.2, data.validation, or data.folds=5.",
                **{"data.validation_split": first.validation_split},
            )
        )
    parts = data.train.in_order, data.validation
    count = parts[0].num_examples
    places = np.arange(count + parts[1].num_examples)
    folds = [Fold(places[:count], places[count:])]
    if config.data.folds is not None and config.data.fold is None:
        names = [*parts[0].names, *parts[1].names]
        folds += _further_folds(config, data, names)
    groups = [part.groups for part in parts if part.groups is not None]
    return ProbedImages(
        data,
        parts,
        np.concatenate([_labels(part) for part in parts]),
        np.concatenate([part.undivided for part in parts]),
        np.concatenate(groups) if groups else None,
        folds,
        config.data.class_balance != "none",
    )


def _further_folds(config: RunConfig, data: ImageData, names: list[str]) -> list[Fold]:
    """Returns the second and later folds, as in the runs of a cross-validation."""
    places = {name: place for place, name in enumerate(names)}
    folds = []
    for number in range(2, (config.data.folds or 0) + 1):
        one = config.data.model_copy(update={"fold": number})
        index = build_index(one, config.seed, data.store).index
        folds.append(
            Fold(_places(index, TRAIN, places), _places(index, VALIDATION, places))
        )
    return folds


def _labels(part: ImageSplit) -> npt.NDArray[np.int32]:
    if part.labels is None:
        raise ValueError("Only images of one class each are probed.")
    return part.labels


def _places(index: ImageIndex, split: int, places: dict[str, int]) -> Rows:
    paths = index.paths[index.splits == split]
    return np.array([places[str(path)] for path in paths], np.intp)
