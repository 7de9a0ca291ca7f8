"""Draws reliability diagrams."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Rows = Sequence[Mapping[str, Any]]

# From the colorblind-safe palette of Okabe and Ito; the markers differ, too.
_STYLES = (("#0072B2", "o"), ("#D55E00", "s"))


def reliability_figure(curves: Mapping[str, Rows]) -> Figure:
    """Draws the accuracy by confidence, above the number of images.

    Args:
        curves: One or two results of `Binned.rows`, by label.
    """
    figure = Figure(figsize=(5, 5.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    above.plot([0, 1], [0, 1], color="0.5", ls="--", lw=1, label="perfectly calibrated")
    styles = zip(curves.items(), _STYLES, strict=False)
    for place, ((name, rows), (color, marker)) in enumerate(styles):
        _draw_curve(above, rows, name, color, marker)
        _draw_counts(below, rows, color, place, len(curves))
    above.set(ylabel="accuracy", ylim=(-0.02, 1.02))
    figure.legend(loc="outside upper center", ncols=3, fontsize=9)
    below.set(xlabel="probability of the predicted class", ylabel="images", xlim=(0, 1))
    for axis in (above, below):
        axis.grid(alpha=0.3)
    return figure


def _draw_curve(axis: Axes, rows: Rows, name: str, color: str, marker: str) -> None:
    share = np.array([row["accuracy"] for row in rows])
    ends = np.array([row["interval"] for row in rows])
    lengths = np.abs(ends.T - share)
    axis.errorbar(
        [row["confidence"] for row in rows],
        share,
        yerr=lengths,
        color=color,
        marker=marker,
        ms=5,
        lw=1.2,
        elinewidth=0.8,
        capsize=2,
        label=name,
    )


def _draw_counts(axis: Axes, rows: Rows, color: str, place: int, curves: int) -> None:
    """Draws bars of several curves side by side."""
    width = np.array([row["high"] - row["low"] for row in rows]) / curves
    left = np.array([row["low"] for row in rows]) + place * width
    counts = [row["images"] for row in rows]
    axis.bar(left, counts, 0.9 * width, align="edge", color=color)
