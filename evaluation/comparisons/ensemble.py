"""Several classifiers as one: the mean of what they predict for the same images.

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
    """The mean of the probabilities of several classifiers, each with the same weight.

    Args:
        members: What each predicts, with its name for messages. One at a time is read
            and kept, so that a generator may load one model after the other.

    Returns:
        The images in the order of the first member. A single member is left as it is.

    Raises:
        ConfigError: Classes or images of the members are not the same.
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
    """The mean over classifiers that come one after the other; see `average_predictions`.

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
        """The mean so far, of one member at least."""
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
            name: Of the member, for messages.
            predictions: What it predicts.
            images: What they are about, if that knows more of them: their content.

        Returns:
            Its predictions for the images of the first member, in their order.

        Raises:
            ConfigError: Its classes or images are not those of the first one.
            DataError: Its outputs, or those of the first one, are not probabilities.
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
        """Where the images of the first member are among those of another.

        Before predictions are made, this finds what would make them useless.

        Raises:
            ConfigError: Its classes or images are not those of the first one.
        """
        if self._images is None:
            return np.arange(len(images.names))
        runs = f"{self._images.owner}, {images.owner}"
        require_same_classes(self._images.class_names, images.class_names, runs)
        return matching_rows(self._images, images)


def require_same_classes(first: Sequence[str], other: Sequence[str], runs: str) -> None:
    """Checks that members have the same classes in the same order.

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
            class_names=f"{some(first, _MOST_NAMED)} and {some(other, _MOST_NAMED)}",
        )
    )
