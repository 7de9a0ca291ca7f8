"""What the trainer asks of data, models and schedules: a small protocol for each question.

Nothing has to inherit from these. Data that have the members of a protocol are used for
what it describes; data that lack them do without.
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
    """Data that are divided into splits."""

    train: Any
    validation: Any


@runtime_checkable
class HasBatchSize(Protocol):
    """Data that know how many examples a batch has, over all devices together."""

    batch_size: int


@runtime_checkable
class HasClassNames(Protocol):
    """Data that know the names of their classes, in the order of the model's outputs."""

    class_names: Sequence[str]


@runtime_checkable
class LabelledSource(HasClassNames, Protocol):
    """Data that know the name and the class of each of their examples, in order."""

    names: Sequence[str]
    labels: npt.NDArray[np.int32]


def is_labelled(data: Any) -> TypeGuard[LabelledSource]:
    """Whether data know the class of each of their examples."""
    return isinstance(data, LabelledSource) and data.labels is not None


@runtime_checkable
class HasTask(Protocol):
    """Data that say what is predicted, such as `"classification"`."""

    task: str


@runtime_checkable
class HasTableFeatures(Protocol):
    """Data that say which columns of a table come beside their images, or None."""

    table_features: Any


@runtime_checkable
class KnowsTargets(HasClassNames, Protocol):
    """Data of which any number of labels, or numbers, are predicted.

    Attributes:
        task: `"multi_label"` or `"regression"`.
        names: Of the examples.
        target_values: `(examples, class_names)` float32.
    """

    task: str
    names: Sequence[str]
    target_values: npt.NDArray[np.float32]


def knows_targets(data: Any) -> TypeGuard[KnowsTargets]:
    """Whether data are of another task than classification."""
    return isinstance(data, KnowsTargets) and data.target_values is not None


@runtime_checkable
class KnowsContradictions(Protocol):
    """Data that know which examples have copies of another class: `(examples,)` bool."""

    contradictory: npt.NDArray[np.bool_]


@runtime_checkable
class KnowsColumns(Protocol):
    """Data that know more of their examples than their classes.

    Attributes:
        columns: `(examples,)` text by column, empty where there is no value.
        groups: `(examples,)` numbers that examples of one patient, say, share, or None.
    """

    columns: Mapping[str, npt.NDArray[np.object_]]
    groups: npt.NDArray[np.integer] | None


@runtime_checkable
class BalancesClasses(Protocol):
    """Training data that may make up for classes of unequal size; not with `"none"`."""

    class_balance: str


@runtime_checkable
class GivesViews(Protocol):
    """Data that can vary their examples in test-time augmentation."""

    def test_time_views(self) -> BatchSource:
        """The examples in order; epoch n, from 1 on, is view n of each."""


@runtime_checkable
class LoadsImages(Protocol):
    """Data that hand out the images of single examples."""

    def images(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """The images at these places, `(places, height, width, channels)`."""


@runtime_checkable
class GivesInputs(Protocol):
    """Data that know what else a model takes beside their images."""

    def model_inputs(self, images: Any, places: npt.NDArray[np.int64]) -> Any:
        """What a model takes of images in place of those at these places."""


@runtime_checkable
class ReadsRows(Protocol):
    """A source that makes arrays of any rows that an epoch draws."""

    def draws(self, epoch: int) -> Any:
        """What an epoch draws: a named tuple of arrays."""

    def arrays(self, draws: Any) -> dict[str, Any]:
        """The arrays of some draws."""


@runtime_checkable
class MixesImages(Protocol):
    """Training data that may mix images.

    Attributes:
        mixes: Whether they do: targets are the probabilities of the classes then, where
            those of other data are class numbers.
    """

    mixes: bool


@runtime_checkable
class GivesFirstElements(Protocol):
    """A source whose first elements can be looked at, and come again in training."""

    def first_elements(self) -> Iterator[Any]:
        """Elements from the first on."""


@runtime_checkable
class NamesBatches(Protocol):
    """Data that know which examples a batch is made of."""

    def batch_names(self, position: Position) -> list[str]:
        """The names of the examples of the batch at a position, in order."""


@runtime_checkable
class DescribesItself(Protocol):
    """Data that describe themselves at the start of a run."""

    def describe(self) -> Sequence[str]:
        """Lines for the console."""


@runtime_checkable
class HasSettings(Protocol):
    """Data that know how they were made."""

    def settings(self) -> dict[str, Any]:
        """Values that JSON can hold, by name."""


@runtime_checkable
class WritesTables(Protocol):
    """Data that can write down which file is in which split."""

    def write_tables(self, directory: Path) -> None:
        """Writes the tables into a run directory."""


@runtime_checkable
class HoldsImagesOut(Protocol):
    """Data that can look up in what another run trained on the images they hold out.

    Attributes:
        on_leak: What to do about such images: `"keep"` lets them through.
    """

    on_leak: str

    def held_out_among(
        self, table: Path, setting: str, all_folds: bool = False
    ) -> Mapping[str, list[str]]:
        """Names such images by split."""


@runtime_checkable
class TakesLength(Protocol):
    """A schedule of the learning rate that is given in epochs."""

    def set_length(self, updates_per_epoch: int, total_epochs: int) -> None:
        """Sets how many updates an epoch has, and how many epochs there will be."""


@runtime_checkable
class HasShape(Protocol):
    """A tensor, an array, or the specification of one."""

    shape: Any


def class_names_of(data: Any) -> Sequence[str]:
    """The names of the classes of data; none if they have no such names."""
    return data.class_names if isinstance(data, HasClassNames) else ()


def batch_size_of(data: Any) -> int | None:
    """The global batch size of data; None if it is not known."""
    return data.batch_size if isinstance(data, HasBatchSize) else None


def mixes_images(data: Any) -> bool:
    """Whether targets of training are probabilities of classes, as images are mixed."""
    return isinstance(data, MixesImages) and data.mixes and not knows_targets(data)
