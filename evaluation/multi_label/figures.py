"""Draws figures of multi-label classification: curves and co-occurrence of labels."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from ..decisions.curves import curve_of

MOST_PANELS = 12
MOST_LABELS = 20
_MOST_POINTS = 500
_NUMBERED = 12

Truth = npt.NDArray[np.bool_]


def precision_recall_figure(
    targets: Truth,
    probabilities: npt.NDArray[np.floating],
    label_names: Sequence[str],
    thresholds: Sequence[float],
) -> Figure:
    """Draws precision over recall of each label, with its threshold.

    Args:
        targets: `(images, labels)` bool. Labels of all or no images have no curve; the
            first 12 others are drawn.
        probabilities: `(images, labels)`.
        label_names: Titles of the panels.
        thresholds: Threshold of each label, drawn as a dot on its curve.
    """
    has_both = targets.any(axis=0) & ~targets.all(axis=0)
    places = np.flatnonzero(has_both)[:MOST_PANELS].tolist()
    columns = max(min(len(places), 3), 1)
    lines = max(-(-len(places) // columns), 1)
    figure = Figure(figsize=(3.2 * columns, 3 * lines), layout="constrained")
    for number, place in enumerate(places):
        axis = figure.add_subplot(lines, columns, number + 1)
        curve = curve_of(targets[:, place], probabilities[:, place]).thinned(_MOST_POINTS)
        axis.step(curve.sensitivity, curve.precision, where="pre")
        axis.axhline(float(targets[:, place].mean()), color="0.6", lw=1, ls=":")
        given = np.flatnonzero(curve.thresholds >= thresholds[place])
        if len(given):
            axis.plot(curve.sensitivity[given[-1]], curve.precision[given[-1]], "o")
        axis.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.05), xlabel="recall")
        axis.set_ylabel("precision")
        axis.set_title(label_names[place], parse_math=False, fontsize=10)
    return figure


def co_occurrence(chosen: Truth) -> npt.NDArray[np.int64]:
    """Counts the images with both of two labels; on the diagonal, those with one.

    Args:
        chosen: `(images, labels)`.

    Returns:
        `(labels, labels)`.

    Example:
        >>> co_occurrence(np.array([[True, True], [True, False]])).tolist()
        [[2, 1], [1, 1]]
    """
    counts = chosen.astype(np.int64)
    return counts.T @ counts


def co_occurrence_figure(
    truth: npt.NDArray[np.integer],
    predicted: npt.NDArray[np.integer],
    label_names: Sequence[str],
) -> Figure:
    """Draws the co-occurrence of true and of predicted labels.

    Args:
        truth: `(labels, labels)` result of `co_occurrence`; the first 20 labels are drawn.
        predicted: The same for predicted labels.
        label_names: Names of rows and columns.
    """
    names = label_names[:MOST_LABELS]
    count = len(names)
    size = 2 + 0.42 * count
    figure = Figure(figsize=(2 * size + 0.6, size), layout="constrained")
    highest = max(int(truth.max(initial=0)), int(predicted.max(initial=0)), 1)
    for place, (title, matrix) in enumerate((("true", truth), ("predicted", predicted))):
        axis = figure.add_subplot(1, 2, place + 1)
        axis.imshow(matrix[:count, :count], cmap="Blues", vmin=0, vmax=highest)
        axis.set_title(title, fontsize=10)
        axis.set_xticks(range(count), names, rotation=45, ha="right", parse_math=False)
        axis.set_yticks(range(count), names, parse_math=False)
        for (row, column), value in np.ndenumerate(matrix[:count, :count]):
            if count <= _NUMBERED:
                color = "white" if value > 0.6 * highest else "black"
                axis.text(column, row, f"{value}", ha="center", va="center", color=color)
    return figure
