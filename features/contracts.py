"""Protocols of images whose features can be cached."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ..configs.choices import Task
from ..core.store import Store
from ..data.order import Draws
from ..strategies import BatchSource, Position

Floats = npt.NDArray[np.floating[Any]]


@runtime_checkable
class Cacheable(BatchSource, Protocol):
    """One split of images, with a fixed number of views or new ones in every epoch."""

    @property
    def store(self) -> Store | None:
        """The store for features; None if they are not cached."""

    @property
    def labels(self) -> npt.NDArray[np.int32] | None:
        """`(images,)`: the class of each image; None in other tasks."""

    @property
    def task(self) -> Task:
        """The task: classification, multi-label classification or regression."""

    @property
    def target_values(self) -> npt.NDArray[np.float32] | None:
        """`(images, names)`: labels or numbers of each image; None in classification."""

    @property
    def class_names(self) -> Sequence[str]:
        """The classes, in the order of the model's outputs."""

    @property
    def batch_size(self) -> int:
        """Images per step over all replicas."""

    @property
    def num_examples(self) -> int:
        """Images per epoch."""

    @property
    def num_batches(self) -> int:
        """Steps per epoch."""

    @property
    def names(self) -> Sequence[str]:
        """Path of each image."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that affects the inputs of a model."""

    @property
    def version(self) -> str:
        """SHA-256 of what determines the model inputs, apart from the images."""

    @property
    def contents(self) -> npt.NDArray[np.bytes_]:
        """`(images,)` bytes that determine the model inputs together with `version`."""

    @property
    def mixes(self) -> bool:
        """Whether images and their targets are mixed with others of the split."""

    @property
    def whole(self) -> "tuple[Cacheable, npt.NDArray[np.int64]] | None":
        """A larger set of images in the same view, and the positions of these images in it.

        The features of the whole set are computed together, so that others can share them.
        None if this split is computed alone.
        """

    @property
    def num_views(self) -> int | None:
        """Number of views of each image; None if every draw is a new one."""

    @property
    def in_order(self) -> "Cacheable":
        """Every image once, in order, without augmentation."""

    @property
    def without_columns(self) -> "Cacheable":
        """The same images without table columns."""

    def view(self, number: int) -> "Cacheable":
        """Returns every image once, in order, in one of its views."""

    def only(self, places: npt.NDArray[np.int64]) -> "Cacheable":
        """Returns the images of a view at these places, in this order."""

    def draws(self, epoch: int) -> Draws:
        """Returns the draws of an epoch."""

    def batch_names(self, position: Position) -> list[str]:
        """Returns the paths of the images of one batch, in order."""

    def arrays(self, draws: Draws) -> dict[str, npt.NDArray[Any]]:
        """Returns the arrays of a part of a batch."""

    def column_arrays(self, draws: Draws) -> dict[str, npt.NDArray[Any]]:
        """Returns the table columns for some draws; empty if there are none."""

    def targets(self, draws: Draws) -> dict[str, npt.NDArray[Any]]:
        """Returns the labels and weights for some draws, without the images."""


@runtime_checkable
class Fittable(Cacheable, Protocol):
    """Images that a head can be fitted on."""

    @property
    def undivided(self) -> npt.NDArray[np.intp]:
        """`(images,)`: group numbers; images of one group stay in one split."""

    @property
    def draw_rates(self) -> npt.NDArray[np.float32] | None:
        """`(images,)`: mean number of draws of each image per epoch; None if all are 1."""

    @property
    def unvaried(self) -> "Fittable":
        """The same batches without augmentation."""
