"""Draws predicted against true numbers, and residuals."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

MOST_PANELS = 9
MOST_POINTS = 5000
MOST_ROWS = 6


def scatter_figure(
    targets: npt.NDArray[np.floating],
    predictions: npt.NDArray[np.floating],
    target_names: Sequence[str],
    half_widths: Sequence[float | None] | None = None,
) -> Figure:
    """Draws predictions against targets, with the diagonal.

    Args:
        targets: `(images, targets)`; at most 5,000 evenly spaced images and the first 9
            targets are drawn.
        predictions: `(images, targets)`.
        target_names: Titles of the panels.
        half_widths: Half the width of the interval around predictions, drawn as a band.
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


def residuals_figure(
    targets: npt.NDArray[np.floating],
    predictions: npt.NDArray[np.floating],
    target_names: Sequence[str],
) -> Figure:
    """Draws residuals (prediction minus target) over targets, and their histogram.

    Args:
        targets: `(images, targets)`; at most 5,000 evenly spaced images are drawn as
            points, and the first 6 targets.
        predictions: `(images, targets)`.
        target_names: Titles of the panels.
    """
    names = target_names[:MOST_ROWS]
    rows = np.linspace(0, len(targets) - 1, min(len(targets), MOST_POINTS)).astype(int)
    figure = Figure(figsize=(8.4, 2.9 * len(names)), layout="constrained")
    for place, name in enumerate(names):
        residuals = predictions[:, place] - targets[:, place]
        left = figure.add_subplot(len(names), 2, 2 * place + 1)
        left.axhline(0, color="0.5", linewidth=1)
        left.plot(targets[rows, place], residuals[rows], ".", markersize=3, alpha=0.5)
        left.set_title(name, parse_math=False, fontsize=10)
        left.set_xlabel("true")
        left.set_ylabel("predicted minus true")
        right = figure.add_subplot(len(names), 2, 2 * place + 2)
        right.hist(residuals, bins=30)
        right.axvline(0, color="0.5", linewidth=1)
        right.set_xlabel("predicted minus true")
        right.set_ylabel("images")
    return figure
