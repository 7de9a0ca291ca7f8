"""Ensembles: the mean of the predictions of several classifiers for the same images.

Method: unweighted averaging of probabilities, as for deep ensembles (Lakshminarayanan,
Pritzel and Blundell, Simple and Scalable Predictive Uncertainty Estimation using Deep
Ensembles, 2017).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from ...core.errors import ConfigError, message
from ...core.names import some
from ..evidence import require_probabilities
from ..predictions import Predictions
from .matching import Images, KnownImages, Rows, matching_rows

_MOST_NAMED = 5


def average_predictions(members: Iterable[tuple[str, Predictions]]) -> Predictions:
    """Averages the probabilities of several classifiers with equal weights.

    Args:
        members: Name, for messages, and predictions of each member. They are read one at a
            time, so that a generator may load one model after the other.

    Returns:
        The mean, for the images in the order of the first member. A single member is
        returned unchanged.

    Raises:
        ConfigError: The members differ in their classes or images.
        DataError: Outputs of one of several members are not probabilities.

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
    """Running mean of the predictions of classifiers; see `average_predictions`.

    Example:
        >>> mean = MeanPredictions()
        >>> for number, row in enumerate([[0.5, 0.5], [1.0, 0.0]]):
        ...     each = Predictions(["a.png"], np.float32([row]), ["cat", "dog"])
        ...     added = mean.add(f"{number}", each)
        >>> mean.predictions.probabilities.tolist()
        [[0.75, 0.25]]
    """

    def __init__(self) -> None:
        self._images: KnownImages | None = None
        self._first: Predictions | None = None
        self._total = np.zeros(())
        self._count = 0

    @property
    def predictions(self) -> Predictions:
        """The mean of all members so far; there must be at least one."""
        if self._first is None:
            raise ValueError("A mean needs a member.")
        if self._count == 1:
            return self._first
        mean = (self._total / self._count).astype(np.float32)
        return replace(self._first, probabilities=mean)

    def add(
        self, name: str, predictions: Predictions, images: Images | None = None
    ) -> Predictions:
        """Adds a member.

        Args:
            name: Name of the member, for messages.
            predictions: Predictions of the member.
            images: The predicted images, if they have more information than the
                predictions, such as digests.

        Returns:
            Its predictions in the order of the images of the first member.

        Raises:
            ConfigError: Its classes or images differ from those of the first member.
            DataError: Its outputs, or those of the first member, are not probabilities.
        """
        known = KnownImages.of(name, predictions if images is None else images)
        rows = self.rows_of(known)
        if self._first is None:
            self._images, self._first = known, predictions
            self._total = predictions.probabilities.astype(np.float64)
        else:
            require_probabilities(self._first.probabilities)
            require_probabilities(predictions.probabilities)
            predictions = replace(
                self._first, probabilities=predictions.probabilities[rows]
            )
            self._total += predictions.probabilities
        self._count += 1
        return predictions

    def rows_of(self, images: KnownImages) -> Rows:
        """Returns the positions of the images of the first member among those of another.

        Called before predicting, this finds differences that would make predictions
        useless.

        Raises:
            ConfigError: Its classes or images differ from those of the first member.
        """
        if self._images is None:
            return np.arange(len(images.names))
        runs = f"{self._images.owner}, {images.owner}"
        require_same_classes(self._images.class_names, images.class_names, runs)
        return matching_rows(self._images, images)


def require_same_classes(first: Sequence[str], other: Sequence[str], runs: str) -> None:
    """Checks that members have the same classes in the same order.

    Args:
        first: Classes of one member.
        other: Classes of another.
        runs: Names of both, for messages.

    Raises:
        ConfigError: The classes or their order differ.
    """
    if list(first) == list(other):
        return
    what = "in the same order" if sorted(first) == sorted(other) else "no others"
    raise ConfigError(
        message(
            f"The members of an ensemble must have the same classes, {what}, because the "
            "outputs of their models are averaged by position.",
            "Train them on data with the same classes.",
            members=runs,
            class_names=f"{some(first, _MOST_NAMED)} and {some(other, _MOST_NAMED)}",
        )
    )
