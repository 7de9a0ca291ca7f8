"""The protocols that the trainer requires of data, models and schedules.

Nothing has to inherit from these. Data with the members of a protocol supports what it
describes; other data works without it.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeGuard, runtime_checkable

import numpy as np
import numpy.typing as npt

from ..strategies import BatchSource as BatchSource
from ..strategies import Position


@runtime_checkable
class HasSplits(Protocol):
    """Data with splits."""

    train: Any
    validation: Any


@runtime_checkable
class HasBatchSize(Protocol):
    """Data with a known global batch size."""

    batch_size: int


@runtime_checkable
class HasClassNames(Protocol):
    """Data with class names, in the order of the model's outputs."""

    class_names: Sequence[str]


@runtime_checkable
class LabeledSource(HasClassNames, Protocol):
    """Data with the name and class of each example, in order."""

    names: Sequence[str]
    labels: npt.NDArray[np.int32]


def is_labeled(data: Any) -> TypeGuard[LabeledSource]:
    """Returns whether data has the class of each example."""
    return isinstance(data, LabeledSource) and data.labels is not None


@runtime_checkable
class HasTask(Protocol):
    """Data with a task, such as `"classification"`."""

    task: str


@runtime_checkable
class HasImageSize(Protocol):
    """Data with images of `image_size` pixels in height and width."""

    image_size: int


@runtime_checkable
class HasTableFeatures(Protocol):
    """Data with the table columns that come with its images, or None."""

    table_features: Any


@runtime_checkable
class KnowsTargets(HasClassNames, Protocol):
    """Data for multi-label classification or regression.

    Attributes:
        task: `"multi_label"` or `"regression"`.
        names: The names of the examples.
        target_values: `(examples, class_names)` float32.
    """

    task: str
    names: Sequence[str]
    target_values: npt.NDArray[np.float32]


def knows_targets(data: Any) -> TypeGuard[KnowsTargets]:
    """Returns whether data is for a task other than classification."""
    return isinstance(data, KnowsTargets) and data.target_values is not None


@runtime_checkable
class KnowsContradictions(Protocol):
    """Data that knows which examples have copies of another class: `(examples,)` bool."""

    contradictory: npt.NDArray[np.bool_]


@runtime_checkable
class KnowsColumns(Protocol):
    """Data with further columns about its examples.

    Attributes:
        columns: `(examples,)` text by column, empty where there is no value.
        groups: `(examples,)` numbers that examples of a group, such as a patient, share; or
            None.
    """

    columns: Mapping[str, npt.NDArray[np.object_]]
    groups: npt.NDArray[np.integer] | None


@runtime_checkable
class BalancesClasses(Protocol):
    """Training data that may compensate for class imbalance; not with `"none"`."""

    class_balance: str


@runtime_checkable
class GivesViews(Protocol):
    """Data that supports test-time augmentation."""

    def test_time_views(self) -> BatchSource:
        """Returns the examples in order; epoch n, from 1 on, is view n of each."""


@runtime_checkable
class LoadsImages(Protocol):
    """Data that gives access to single images."""

    def images(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Returns images by position, `(places, height, width, channels)` uint8."""


@runtime_checkable
class GivesInputs(Protocol):
    """Data with model inputs in addition to its images."""

    def model_inputs(self, images: Any, places: npt.NDArray[np.int64]) -> Any:
        """Returns the model inputs with `images` in place of those at these positions."""


@runtime_checkable
class ReadsRows(Protocol):
    """A source that creates the arrays of arbitrary rows of an epoch."""

    def draws(self, epoch: int) -> Any:
        """Returns the random draws of an epoch, as arrays with a row per example."""

    def arrays(self, draws: Any) -> dict[str, Any]:
        """Returns the arrays of a batch with these draws."""


@runtime_checkable
class MixesImages(Protocol):
    """Training data that may mix images.

    Attributes:
        mixes: Whether images are mixed. Targets are then class probabilities instead of
            class indices.
    """

    mixes: bool


@runtime_checkable
class GivesFirstElements(Protocol):
    """A source whose first elements can be inspected without consuming them."""

    def first_elements(self) -> Iterator[Any]:
        """Iterates over the elements, starting with the first."""


@runtime_checkable
class GoesToEpoch(Protocol):
    """A source whose order depends on how often it has been iterated over."""

    def go_to_epoch(self, epoch: int) -> None:
        """Sets the epoch of the next batches; must be called before reading it."""


@runtime_checkable
class KnowsItsOrder(Protocol):
    """A source that knows whether its order can be repeated.

    Attributes:
        is_unseeded: Whether it comes in another order in each process.
    """

    is_unseeded: bool


@runtime_checkable
class NamesBatches(Protocol):
    """Data that knows the examples of each batch."""

    def batch_names(self, position: Position) -> list[str]:
        """Returns the names of the examples of the batch at a position, in order."""


@runtime_checkable
class DescribesItself(Protocol):
    """Data that describes itself at the start of a run."""

    def describe(self) -> Sequence[str]:
        """Lines for the console."""


@runtime_checkable
class HasSettings(Protocol):
    """Data with settings."""

    def settings(self) -> dict[str, Any]:
        """Returns JSON-serializable values by name."""


@runtime_checkable
class WritesTables(Protocol):
    """Data that can write tables of its files and splits."""

    def write_tables(self, directory: Path) -> None:
        """Writes the tables into a run directory."""


@runtime_checkable
class HoldsImagesOut(Protocol):
    """Data that can find its held-out images among the training images of another run.

    Attributes:
        on_leak: What to do with such images: `"keep"` accepts them.
    """

    on_leak: str

    def held_out_among(
        self, table: Path, setting: str, all_folds: bool = False
    ) -> Mapping[str, list[str]]:
        """Returns the names of such images by split."""


@runtime_checkable
class TakesLength(Protocol):
    """A learning rate schedule in epochs."""

    def set_length(self, updates_per_epoch: int, total_epochs: int) -> None:
        """Sets the number of updates per epoch and the number of epochs."""


@runtime_checkable
class HasShape(Protocol):
    """A tensor, an array, or the specification of one."""

    shape: Any


def class_names_of(data: Any) -> Sequence[str]:
    """Returns the class names of data; empty if it has none."""
    return data.class_names if isinstance(data, HasClassNames) else ()


def batch_size_of(data: Any) -> int | None:
    """Returns the global batch size of data; None if unknown."""
    return data.batch_size if isinstance(data, HasBatchSize) else None


def mixes_images(data: Any) -> bool:
    """Returns whether training targets are class probabilities because images are mixed."""
    return isinstance(data, MixesImages) and data.mixes and not knows_targets(data)
