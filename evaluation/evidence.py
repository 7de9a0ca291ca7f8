"""The input of evaluators: predictions for labeled images."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..core.errors import DataError, message
from .predictions import Predictions

Labels = npt.NDArray[np.int32]
Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Labeled:
    """Predictions of one split, with labels and further information on its images.

    Attributes:
        names: File of each image.
        labels: `(images,)` int32, the true classes.
        probabilities: `(images, classes)` float32; each row sums to 1.
        class_names: The classes, in the order of the model's outputs.
        contradictory: `(images,)` bool, whether a copy has another class.
        groups: `(images,)` numbers shared by images of one group, such as a patient; None
            without a group column.
        columns: Other columns of the label table: `(images,)` strings by name, empty if
            missing.
    """

    names: Sequence[str]
    labels: Labels
    probabilities: Probabilities
    class_names: Sequence[str]
    contradictory: npt.NDArray[np.bool_]
    groups: npt.NDArray[np.integer] | None = None
    columns: Mapping[str, npt.NDArray[np.object_]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Returns the number of images."""
        return len(self.labels)

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        """`(images,)`: the most probable class of each image."""
        return self.probabilities.argmax(axis=1)

    def predictions(self) -> Predictions:
        """Returns the predictions for a table."""
        return Predictions(self.names, self.probabilities, self.class_names, self.labels)


@dataclass(frozen=True)
class Evidence:
    """The predictions that an evaluator may use.

    Choices (of a threshold or a temperature) are made on `validation`; reported results are
    measured on `test`.

    Attributes:
        test: Predictions on which the model is scored.
        validation: Predictions on which choices are made; None without such a split.
    """

    test: Labeled
    validation: Labeled | None = None

    @property
    def class_names(self) -> Sequence[str]:
        """The classes, in the order of the model's outputs."""
        return self.test.class_names

    @property
    def digest(self) -> str:
        """SHA-256 of labels and probabilities, independent of file paths."""
        digest = hashlib.sha256("\0".join(self.class_names).encode())
        for split in (self.test, self.validation):
            digest.update(b"-" if split is None else _bytes(split))
        return digest.hexdigest()


def as_labeled(
    predictions: Predictions,
    contradictory: npt.NDArray[np.bool_] | None = None,
    groups: npt.NDArray[np.integer] | None = None,
    columns: Mapping[str, npt.NDArray[np.object_]] | None = None,
) -> Labeled:
    """Combines predictions with further information on their images.

    Args:
        predictions: Predictions with labels.
        contradictory: See `Labeled`; False for all images by default.
        groups: See `Labeled`; unknown by default.
        columns: See `Labeled`; none by default.

    Raises:
        DataError: A row is not a distribution over two or more classes, or labels are
            missing.
    """
    if predictions.labels is None:
        raise DataError(message("Evaluating a model requires labels.", labels=None))
    require_probabilities(predictions.probabilities)
    count = len(predictions.labels)
    return Labeled(
        predictions.names,
        predictions.labels,
        predictions.probabilities,
        predictions.class_names,
        np.zeros(count, bool) if contradictory is None else contradictory,
        groups,
        columns or {},
    )


def _bytes(split: Labeled) -> bytes:
    labels = np.ascontiguousarray(split.labels, "<i4")
    return labels.tobytes() + np.ascontiguousarray(split.probabilities, "<f4").tobytes()


def require_probabilities(probabilities: Probabilities) -> None:
    """Checks that each row is a distribution over two or more classes.

    Raises:
        DataError: A row is not, for example because the outputs are logits.
    """
    shape = probabilities.shape
    is_distribution = (
        len(shape) == 2
        and shape[1] > 1
        and bool(np.all(probabilities >= -1e-6))
        and bool(np.all(np.abs(probabilities.sum(axis=1) - 1) < 1e-2))
    )
    if not is_distribution:
        raise DataError(
            message(
                "An evaluation requires a model whose outputs are probabilities of two or "
                "more classes that sum to 1.",
                "End the model with Dense(num_classes, activation='softmax').",
                shape=shape,
            )
        )
