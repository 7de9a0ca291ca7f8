"""Finds doubtful labels from predictions of models that did not train on the images.

Method: confident learning (Northcutt, Jiang and Chuang, Journal of Artificial Intelligence
Research 70, 2021). A class is confidently predicted for an image if its probability is at
least its mean over the images with that label. A label is in doubt if the most probable of
these classes is another one. Images are ranked by the probability of their label.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..core.files import write_csv
from .predictions import Predictions

Labels = npt.NDArray[np.integer]
_MANY = 0.2  # of all labels; carefully labeled sets have a few percent of errors
_TOLERANCE = 1e-6  # for probabilities equal to the mean of their class


@dataclass(frozen=True)
class LabelDoubts:
    """The doubts about each label.

    Attributes:
        order: `(images,)`: rows, the most doubtful first.
        suggested: `(images,)`: the most probable class other than the label.
        in_doubt: `(images,)` bool: whether another class is confidently predicted.
        thresholds: `(classes,)`: the probability from which a class counts as
            confidently predicted; infinite for classes without images.
        confident_joint: `(classes, classes)`: number of images with a label (row) that are
            confidently predicted as each class (column).
    """

    order: npt.NDArray[np.int64]
    suggested: npt.NDArray[np.int64]
    in_doubt: npt.NDArray[np.bool_]
    thresholds: npt.NDArray[np.float64]
    confident_joint: npt.NDArray[np.int64]

    @property
    def most_doubtful(self) -> npt.NDArray[np.int64]:
        """Rows of the labels in doubt, the most doubtful first."""
        return self.order[self.in_doubt[self.order]]


@dataclass(frozen=True)
class DoubtfulLabel:
    """A label in doubt.

    Attributes:
        file: File of the image.
        label: The label.
        probability_of_label: Predicted probability of the label.
        suggestion: The most probable other class.
        probability_of_suggestion: Predicted probability of the suggestion.
    """

    file: str
    label: str
    probability_of_label: float
    suggestion: str
    probability_of_suggestion: float


@dataclass(frozen=True)
class JudgedLabels:
    """Labels that were compared with predictions.

    Attributes:
        judged_by: Description of the models, for the report.
        images: Number of images.
        in_doubt: The labels in doubt, the most doubtful first.
    """

    judged_by: str
    images: int
    in_doubt: Sequence[DoubtfulLabel]


def find_label_doubts(
    labels: Labels, probabilities: npt.NDArray[np.floating]
) -> LabelDoubts:
    """Compares labels with predictions.

    Args:
        labels: `(images,)` classes, right or wrong.
        probabilities: `(images, classes)` of models that did not train on the image,
            because models that did repeat even wrong labels.

    Example:
        >>> labels = np.array([0, 0, 0, 1, 1, 1])
        >>> likely = np.array([0.9, 0.8, 0.1, 0.1, 0.2, 0.3])  # class 0
        >>> doubts = find_label_doubts(labels, np.stack([likely, 1 - likely], axis=1))
        >>> doubts.in_doubt.tolist(), int(doubts.order[0])
        ([False, False, True, False, False, False], 2)
    """
    rows, classes = np.arange(len(labels)), probabilities.shape[1]
    own = probabilities[rows, labels]
    thresholds = _mean_self_confidence(labels, own, classes)
    is_confident = probabilities >= thresholds - _TOLERANCE
    likeliest = np.where(is_confident, probabilities, -1).argmax(axis=1)
    counted = is_confident.any(axis=1)
    joint = np.bincount(
        labels[counted].astype(np.int64) * classes + likeliest[counted],
        minlength=classes**2,
    ).reshape(classes, classes)
    others = probabilities.copy()
    others[rows, labels] = -1
    suggested = others.argmax(axis=1)
    is_likelier = others[rows, suggested] > own
    return LabelDoubts(
        np.argsort(own, kind="stable"),
        suggested,
        counted & (likeliest != labels) & is_likelier,
        thresholds,
        joint,
    )


def judge_labels(predictions: Predictions, judged_by: str) -> JudgedLabels:
    """Returns the labels in doubt, with the names of images and classes.

    Args:
        predictions: Predictions of models that did not train on the images, with labels.
        judged_by: Description of these models.
    """
    doubts = find_label_doubts(labels_of(predictions), predictions.probabilities)
    rows = doubts.most_doubtful.tolist()
    found = [doubtful_label(predictions, doubts, row) for row in rows]
    return JudgedLabels(judged_by, len(predictions.names), found)


def doubtful_label(
    predictions: Predictions, doubts: LabelDoubts, row: int
) -> DoubtfulLabel:
    """Describes the doubts about the label of one image."""
    label, suggested = int(labels_of(predictions)[row]), int(doubts.suggested[row])
    return DoubtfulLabel(
        str(predictions.names[row]),
        predictions.class_names[label],
        float(predictions.probabilities[row, label]),
        predictions.class_names[suggested],
        float(predictions.probabilities[row, suggested]),
    )


def caution(in_doubt: int, images: int) -> str:
    """Returns a warning if more than a fifth of all labels is in doubt; otherwise empty.

    Example:
        >>> caution(3, 100)
        ''
        >>> caution(50, 100)
        'So many labels in doubt (50%) suggest weak models rather than wrong labels.'
    """
    if in_doubt <= _MANY * images:
        return ""
    share = f"{in_doubt / images:.0%}"
    return (
        f"So many labels in doubt ({share}) suggest weak models rather than wrong labels."
    )


def labels_of(predictions: Predictions) -> Labels:
    """Returns the labels, which must be known."""
    if predictions.labels is None:
        raise ValueError("Predictions must have labels.")
    return predictions.labels


def write_label_doubts(path: Path, predictions: Predictions, doubts: LabelDoubts) -> None:
    """Writes label_doubts.csv: one row per image, the most doubtful label first.

    Its columns are rank, file, label, suggestion, in_doubt (1 or 0), probability_of_label
    and probability_of_suggestion.

    Args:
        path: The file.
        predictions: Predictions with labels.
        doubts: Doubts found from these predictions.
    """
    every = (doubtful_label(predictions, doubts, int(row)) for row in doubts.order)
    in_doubt = doubts.in_doubt[doubts.order]
    rows = (
        (
            rank,
            each.file,
            each.label,
            each.suggestion,
            int(is_in_doubt),
            f"{each.probability_of_label:.9g}",
            f"{each.probability_of_suggestion:.9g}",
        )
        for rank, (each, is_in_doubt) in enumerate(zip(every, in_doubt, strict=True), 1)
    )
    write_csv(path, COLUMNS, rows)


COLUMNS = (
    "rank",
    "file",
    "label",
    "suggestion",
    "in_doubt",
    "probability_of_label",
    "probability_of_suggestion",
)


def _mean_self_confidence(
    labels: Labels, own: npt.NDArray[np.floating], classes: int
) -> npt.NDArray[np.float64]:
    counts = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, weights=own, minlength=classes)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
