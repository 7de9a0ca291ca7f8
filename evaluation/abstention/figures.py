"""Draws the risk-coverage curve and the sizes of prediction sets."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

_BLUE, _ORANGE = "#0072B2", "#D55E00"  # the colorblind-safe palette of Okabe and Ito


def risk_coverage_figure(
    curve: Mapping[str, Sequence[float]], kept: Sequence[Mapping[str, Any]]
) -> Figure:
    """Draws the fraction of wrong answers by the fraction of images with an answer.

    Args:
        curve: `coverage` and `risk`, from the most confident images to all.
        kept: Marked points, with `kept` and `accuracy`.
    """
    figure = Figure(figsize=(5, 3.8), layout="constrained")
    axis = figure.subplots()
    axis.step(curve["coverage"], curve["risk"], where="post", color=_BLUE, label="model")
    overall = curve["risk"][-1]
    label = "without regard to confidence"
    axis.axhline(overall, color="0.5", ls="--", lw=1, label=label)
    shares = [row["kept"] for row in kept]
    risks = [1 - row["accuracy"] for row in kept]
    axis.plot(shares, risks, "s", color=_ORANGE, label="as in the table")
    axis.set(xlabel="images with an answer", ylabel="wrong answers")
    axis.set(xlim=(0, 1.01), ylim=(0, max(1.05 * max(curve["risk"]), 0.01)))
    for each in (axis.xaxis, axis.yaxis):
        each.set_major_formatter(PercentFormatter(1))
    axis.grid(alpha=0.3)
    figure.legend(loc="outside upper center", ncols=3, fontsize=8)
    return figure


def set_sizes_figure(sizes: Mapping[int, int]) -> Figure:
    """Draws the number of images by the size of their prediction set.

    Args:
        sizes: Number of images by number of classes in the set.
    """
    figure = Figure(figsize=(5, 3), layout="constrained")
    axis = figure.subplots()
    axis.bar(list(sizes), list(sizes.values()), color=_BLUE)
    axis.set(xlabel="classes in the set of an image", ylabel="images")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(alpha=0.3, axis="y")
    return figure
