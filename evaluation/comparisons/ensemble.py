"""Several classifiers as one: the mean of what they predict for the same images.

Method: unweighted averaging of probabilities, as for deep ensembles (Lakshminarayanan,
Pritzel and Blundell, Simple and Scalable Predictive Uncertainty Estimation using Deep
Ensembles, 2017).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ...core.errors import ConfigError, message
from ...core.names import printable
from ..evidence import require_probabilities
from ..predictions import Predictions

_MOST_NAMED = 5


class Images(Protocol):
    """Images that a classifier is asked about."""

    @property
    def names(self) -> Sequence[str]:
        """File of each image."""

    @property
    def class_names(self) -> Sequence[str]:
        """The classes, in the order of the model's outputs."""

    @property
    def labels(self) -> npt.NDArray[np.int32] | None:
        """True class of each image, if known."""


def average_predictions(members: Iterable[tuple[str, Predictions]]) -> Predictions:
    """The mean of the probabilities of several classifiers, each with the same weight.

    Args:
        members: What each predicts, with its name for messages. One at a time is asked
            for and kept, so that a generator may load one model after the other.

    Returns:
        The images in the order of the first member. A single member is left as it is.

    Raises:
        ConfigError: Classes or images of the members are not the same.
        DataError: Outputs of one of several members are no probabilities.

    Example:
        >>> one = Predictions(["a.png"], np.float32([[0.5, 0.5]]), ["cat", "dog"])
        >>> two = Predictions(["a.png"], np.float32([[1.0, 0.0]]), ["cat", "dog"])
        >>> average_predictions([("one", one), ("two", two)]).probabilities.tolist()
        [[0.75, 0.25]]
    """
    mean = MeanPredictions()
    for name, predictions in members:
        mean.add(name, predictions)
    return mean.predictions


class MeanPredictions:
    """The mean over classifiers that come one after the other; see `average_predictions`.

    Example:
        >>> mean = MeanPredictions()
        >>> for number, row in enumerate([[0.5, 0.5], [1.0, 0.0]]):
        ...     mean.add(f"{number}", Predictions(["a.png"], np.float32([row]), ["a", "b"]))
        >>> mean.predictions.probabilities.tolist()
        [[0.75, 0.25]]
    """

    def __init__(self) -> None:
        self._first: tuple[str, Predictions] | None = None
        self._total = np.zeros(())
        self._count = 0

    @property
    def predictions(self) -> Predictions:
        """The mean so far, of one member at least."""
        if self._first is None:
            raise ValueError("A mean needs a member.")
        first = self._first[1]
        if self._count == 1:
            return first
        mean = (self._total / self._count).astype(np.float32)
        return replace(first, probabilities=mean)

    def add(self, name: str, predictions: Predictions) -> None:
        """Adds a member.

        Raises:
            ConfigError: Its classes or images are not those of the first one.
            DataError: Its outputs, or those of the first one, are no probabilities.
        """
        rows = self.rows_of(name, predictions)
        if self._first is None:
            self._first = name, predictions
            self._total = predictions.probabilities.astype(np.float64)
        else:
            require_probabilities(self._first[1].probabilities)
            require_probabilities(predictions.probabilities)
            self._total += predictions.probabilities[rows]
        self._count += 1

    def rows_of(self, name: str, images: Images) -> npt.NDArray[np.intp]:
        """Where the images of the first member are among those of another.

        Before predictions are made, this finds what would make them useless.

        Raises:
            ConfigError: Its classes or images are not those of the first one.
        """
        if self._first is None:
            return np.arange(len(images.names))
        return rows_in_order_of(self._first[1], images, self._first[0], name)


def rows_in_order_of(
    first: Images, other: Images, first_name: str, other_name: str
) -> npt.NDArray[np.intp]:
    """Where the images of one member are among those of another.

    Args:
        first: The images whose order counts.
        other: The same images in any order.
        first_name: Of the member, for messages.
        other_name: Likewise.

    Returns:
        `(images,)`: `other.names[rows[i]] == first.names[i]`.

    Raises:
        ConfigError: Classes, their order, images or their labels are not the same.
    """
    runs = f"{first_name}, {other_name}"
    require_same_classes(first.class_names, other.class_names, runs)
    names, others = list(first.names), list(other.names)
    if names == others:
        rows = np.arange(len(names))
    else:
        _require_same_names(names, others, first_name, other_name)
        rows = np.empty(len(names), np.intp)
        rows[_order(names)] = _order(others)
    if first.labels is not None and other.labels is not None:
        differing = np.flatnonzero(first.labels != other.labels[rows])
        if len(differing):
            raise ConfigError(
                message(
                    "The members of an ensemble must have the same label for each image; "
                    f"it differs for {_listed([names[row] for row in differing])}.",
                    "Test each on its own.",
                    members=runs,
                )
            )
    return rows


def require_same_classes(first: Sequence[str], other: Sequence[str], runs: str) -> None:
    """Makes sure that members have the same classes in the same order.

    Args:
        first: Those of one member.
        other: Those of another.
        runs: Both, for messages.

    Raises:
        ConfigError: They have not.
    """
    if list(first) == list(other):
        return
    what = "in the same order" if sorted(first) == sorted(other) else "no others"
    raise ConfigError(
        message(
            f"The members of an ensemble must have the same classes, {what}: the outputs "
            "of their models are averaged place by place.",
            "Train them on data with the same classes.",
            members=runs,
            class_names=f"{_listed(first)} and {_listed(other)}",
        )
    )


def _require_same_names(
    names: Sequence[str], others: Sequence[str], first_name: str, other_name: str
) -> None:
    counts, other_counts = Counter(names), Counter(others)
    parts = [
        f"{missing.total()} only of {name}: {_listed(sorted(missing.elements()))}"
        for name, missing in (
            (first_name, counts - other_counts),
            (other_name, other_counts - counts),
        )
        if missing
    ]
    if parts:
        raise ConfigError(
            message(
                "The members of an ensemble must be tested on the same images. "
                f"These differ: {'; '.join(parts)}.",
                "Test each on its own, or train them with the same data.test.",
                members=f"{first_name}, {other_name}",
            )
        )


def _order(names: Sequence[str]) -> npt.NDArray[np.intp]:
    return np.argsort(np.array(names, object), kind="stable")


def _listed(values: Sequence[Any]) -> str:
    shown = ", ".join(printable(str(value)) for value in values[:_MOST_NAMED])
    more = len(values) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
