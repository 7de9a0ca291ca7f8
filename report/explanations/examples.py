"""Chooses the test images of a report: examples of each class, and missed images."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...evaluation.evidence import Labeled

MOST_EXAMPLES = 200
MOST_MISSED = 500

Rows = npt.NDArray[np.int64]


class Example(NamedTuple):
    """An image in the report.

    Attributes:
        row: Row in the test split.
        heading: What it is an example of.
    """

    row: int
    heading: str


class Examples(NamedTuple):
    """The images in the report, and the number of candidates.

    Attributes:
        shown: The images in the order of the report.
        wanted: Number of requested examples of right and wrong predictions.
        taken: Number of these that are shown.
        missed: `(images,)` rows of all missed images, by class that must not be missed.
    """

    shown: list[Example]
    wanted: int
    taken: int
    missed: dict[int, Rows]


def choose_examples(
    test: Labeled, per_class: int, must_not_miss: Sequence[int] = ()
) -> Examples:
    """Chooses the most confident right and wrong predictions, and missed images.

    Args:
        test: Predictions of the test split.
        per_class: Number of right, and of wrong, predictions per class; at most
            MOST_EXAMPLES in total, spread over the classes.
        must_not_miss: Classes whose missed images are all shown, up to MOST_MISSED.
    """
    is_right = test.predicted == test.labels
    confidence = test.probabilities.max(axis=1)

    def most_confident(label: int, right: bool) -> Rows:
        rows = np.flatnonzero((test.labels == label) & (is_right == right))
        return rows[np.argsort(-confidence[rows], kind="stable")].astype(np.int64)

    missed = {label: most_confident(label, False) for label in must_not_miss}
    groups: list[tuple[str, Rows]] = []
    for label, name in enumerate(test.class_names):
        groups.append((f"{name}: right", most_confident(label, True)[:per_class]))
        if label not in missed:  # missed images are all shown
            wrong = most_confident(label, False)[:per_class]
            groups.append((f"{name}: misclassified", wrong))
    ranked = sorted(
        (rank, place, row)
        for place, (_, rows) in enumerate(groups)
        for rank, row in enumerate(rows.tolist())
    )
    kept = sorted(ranked[:MOST_EXAMPLES], key=lambda each: (each[1], each[0]))
    shown = [Example(row, groups[place][0]) for _, place, row in kept]
    every = (
        Example(row, f"{test.class_names[label]}: all {len(rows):,} that were missed")
        for label, rows in missed.items()
        for row in rows.tolist()
    )
    first = list(itertools.islice(every, MOST_MISSED))
    return Examples([*first, *shown], len(ranked), len(kept), missed)


def spread_over_classes(labels: npt.NDArray[np.integer], most: int, seed: int = 0) -> Rows:
    """Draws rows of each class in proportion to its size, but at least one of each.

    Args:
        labels: `(rows,)` classes.
        most: Maximum number of rows.
        seed: Seed of the draw.

    Returns:
        Rows in ascending order.

    Example:
        >>> rows = spread_over_classes(np.array([0, 0, 0, 0, 0, 0, 1, 1, 2]), most=5)
        >>> np.array([0, 0, 0, 0, 0, 0, 1, 1, 2])[rows].tolist()
        [0, 0, 0, 1, 2]
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    counts = np.bincount(labels)
    begun = (np.cumsum(counts) - counts)[labels[order]]
    shares = (np.arange(len(order)) - begun) / counts[labels[order]]
    chosen = order[np.argsort(shares, kind="stable")[:most]]
    return np.sort(chosen).astype(np.int64)
