"""Draws ROC and precision-recall curves of classes and groups."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from ...core.names import printable
from ..text import with_interval
from .curves import Curve

# The colorblind-safe palette of Okabe and Ito, without yellow.
_COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
_LINES = [(color, line) for line, color in product(("-", "--"), _COLORS)]
MOST_LINES = len(_LINES)
_NAME_WIDTH = 28

Values = Mapping[str, Any]


def roc_figure(values: Mapping[str, Values]) -> Figure:
    """Draws sensitivity over the false positive rate, with thresholds as dots.

    Args:
        values: Values of `OperatingPoints` by class or group; the first 14 are drawn.
    """
    figure = _figure("false positive rate (1 - specificity)", "sensitivity", len(values))
    figure.axes[0].plot([0, 1], [0, 1], color="0.6", lw=0.8, ls=":")

    def line(values: Values) -> tuple[Sequence[float], Sequence[float]]:
        curve = _curve(values)
        rates = curve.false_positive_rate, curve.sensitivity
        return [0.0, *rates[0]], [0.0, *rates[1]]

    def dot(test: Values) -> tuple[float | None, float | None]:
        return 1 - test["specificity"], test["sensitivity"]

    _draw(figure, values, "roc_auc", line, dot)
    return figure


def precision_recall_figure(values: Mapping[str, Values]) -> Figure:
    """Draws precision over sensitivity, with thresholds as dots.

    Args:
        values: Values of `OperatingPoints` by class or group; the first 14 are drawn.
    """
    figure = _figure("sensitivity (recall)", "precision", len(values))

    def line(values: Values) -> tuple[Sequence[float], Sequence[float]]:
        curve = _curve(values)
        return [0.0, *curve.sensitivity], [curve.precision[0], *curve.precision]

    def dot(test: Values) -> tuple[float | None, float | None]:
        return test["sensitivity"], test["precision"]

    # In steps, like the sum in average precision, without interpolation.
    _draw(figure, values, "average_precision", line, dot, drawstyle="steps-pre")
    return figure


def _curve(values: Values) -> Curve:
    counts = values["curve"]
    return Curve(
        np.asarray(counts["thresholds"]),
        np.asarray(counts["true_positives"]),
        np.asarray(counts["false_positives"]),
        values["positives"],
        values["negatives"],
    )


def _figure(x_label: str, y_label: str, lines: int) -> Figure:
    height = 5.0 + 0.17 * min(lines, MOST_LINES)  # for the legend below
    figure = Figure(figsize=(5.0, height), layout="constrained")
    axis = figure.subplots()
    axis.set(xlabel=x_label, ylabel=y_label, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axis.grid(alpha=0.3)
    return figure


def _draw(
    figure: Figure,
    values: Mapping[str, Values],
    area: str,
    line: Callable[[Values], tuple[Sequence[float], Sequence[float]]],
    dot: Callable[[Values], tuple[float | None, float | None]],
    **options: Any,
) -> None:
    shown = list(values.items())[:MOST_LINES]
    (axis,), handles = figure.axes, []
    for (_, each), (color, style) in zip(shown, _LINES, strict=False):
        handles += axis.plot(*line(each), color=color, ls=style, lw=1.4, **options)
        test = (each.get("operating_point") or {}).get("test")
        if test is not None:
            axis.plot(*_finite(dot(test)), "o", color=color, ms=7, mec="white")
    # A label that begins with "_" would be hidden, hence the space.
    labels = [f" {_truncate(name)}  {with_interval(each, area)}" for name, each in shown]
    title = area.replace("_", " ").replace("roc auc", "ROC AUC")
    left = len(values) - len(shown)
    more = f"; {left:,} more are in the table" if left else ""
    legend = figure.legend(
        handles,
        labels,
        title=f"{title}, 95% interval{more}",
        loc="outside lower center",
        fontsize=8,
        title_fontsize=8,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _finite(point: tuple[float | None, float | None]) -> npt.NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in point])


def _truncate(name: str) -> str:
    text = printable(name)
    return text if len(text) <= _NAME_WIDTH else text[: _NAME_WIDTH - 1] + "…"
