"""Predicted against true numbers, as a scatter plot."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

MOST_PANELS = 9
MOST_POINTS = 5000


def scatter_figure(
    targets: npt.NDArray[np.floating],
    predictions: npt.NDArray[np.floating],
    target_names: Sequence[str],
    half_widths: Sequence[float | None] | None = None,
) -> Figure:
    """Draws predictions against targets, with the diagonal on which both are equal.

    Args:
        targets: `(images, targets)`; of more than 5,000 images evenly spaced ones are
            drawn, and of more than 9 targets the first.
        predictions: `(images, targets)`.
        target_names: Titles of the panels.
        half_widths: Half the width of an interval around each prediction, drawn as a band.
    """
    rows = np.linspace(0, len(targets) - 1, min(len(targets), MOST_POINTS)).astype(int)
    names = target_names[:MOST_PANELS]
    columns = min(len(names), 3)
    lines = -(-len(names) // columns)
    figure = Figure(figsize=(4.2 * columns, 4.2 * lines), layout="constrained")
    for place, name in enumerate(names):
        axis = figure.add_subplot(lines, columns, place + 1)
        true, predicted = targets[rows, place], predictions[rows, place]
        low = float(min(true.min(), predicted.min()))
        high = float(max(true.max(), predicted.max()))
        ends = np.array([low, high if high > low else low + 1])
        width = half_widths[place] if half_widths is not None else None
        if width is not None:
            axis.fill_between(ends, ends - width, ends + width, color="0.9")
        axis.plot(ends, ends, color="0.5", linewidth=1)
        axis.plot(true, predicted, ".", markersize=3, alpha=0.5)
        axis.set_title(name, parse_math=False, fontsize=10)
        axis.set_xlabel("true")
        axis.set_ylabel("predicted")
    return figure
