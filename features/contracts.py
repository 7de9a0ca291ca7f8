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
    """One split of images, in a fixed number of versions or fresh ones every time."""

    @property
    def store(self) -> Store | None:
        """Where features are kept, if anywhere."""

    @property
    def labels(self) -> npt.NDArray[np.int32] | None:
        """`(images,)` the class of each image; None in other tasks."""

    @property
    def task(self) -> Task:
        """What is predicted."""

    @property
    def target_values(self) -> npt.NDArray[np.float32] | None:
        """`(images, names)` the labels or numbers of each image; None in classification."""

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
        """SHA-256 of all that decides what a model sees."""

    @property
    def mixes(self) -> bool:
        """Whether images are mixed with others of the split, and targets with theirs."""

    @property
    def whole(self) -> "tuple[Cacheable, npt.NDArray[np.int64]] | None":
        """More images in the same version, and where these are among them.

        Their features are computed together, for others to share; None for these alone.
        """

    @property
    def num_views(self) -> int | None:
        """The number of versions of each image; None if each draw is a new one."""

    @property
    def in_order(self) -> "Cacheable":
        """Every image once, in order, as it is."""

    @property
    def without_columns(self) -> "Cacheable":
        """The same images without columns of a table."""

    def view(self, number: int) -> "Cacheable":
        """Every image once, in order, as one of the versions."""

    def draws(self, epoch: int) -> Draws:
        """What an epoch draws."""

    def batch_names(self, position: Position) -> list[str]:
        """Paths of the images of one batch, in order."""

    def arrays(self, draws: Draws) -> dict[str, npt.NDArray[Any]]:
        """The arrays that a part of a batch is made of."""

    def column_arrays(self, draws: Draws) -> dict[str, npt.NDArray[Any]]:
        """The columns of a table for some draws; empty if there are none."""

    def targets(self, draws: Draws) -> dict[str, npt.NDArray[Any]]:
        """Labels and weights of draws, without the images."""


@runtime_checkable
class Fittable(Cacheable, Protocol):
    """Images that a head can be fitted on."""

    @property
    def undivided(self) -> npt.NDArray[np.intp]:
        """`(images,)` numbers shared by images that no split separates."""

    @property
    def draw_rates(self) -> npt.NDArray[np.float32] | None:
        """`(images,)` how often an epoch draws each on average; None if once."""

    @property
    def unvaried(self) -> "Fittable":
        """The same batches of images as they are."""
