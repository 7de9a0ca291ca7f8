"""Draws the accuracy of slices with their intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ...core.names import printable
from ..evidence import Labeled

MOST_SLICES = 40
_WIDTH = 28
# Room for names in pages whose font is wider than that of the layout.
_PADDING_INCHES = 0.15
# From the colorblind-safe palette of Okabe and Ito; the marks differ in shape, too.
_MARKS: dict[bool, dict[str, Any]] = {
    False: {"color": "#0072B2", "fmt": "o", "label": "slice"},
    True: {"color": "#D55E00", "fmt": "s", "label": "worse than all other images"},
}


def slices_figure(
    columns: Mapping[str, Sequence[Mapping[str, Any]]], test: Labeled
) -> Figure:
    """Draws the accuracy of each slice with its interval; at most the 40 lowest.

    Args:
        columns: Slices by column, as `Slices` scores them.
        test: All images.
    """
    every = [(name, each) for name, found in columns.items() for each in found]
    lowest = sorted(every, key=lambda item: item[1]["accuracy"])[:MOST_SLICES]
    shown = [item for item in every if item in lowest]
    figure = Figure(
        figsize=(5.5, 1.1 + 0.24 * len(shown)),
        layout=ConstrainedLayoutEngine(w_pad=_PADDING_INCHES),
    )
    axis = figure.subplots()
    for is_worse, mark in _MARKS.items():
        rows = [row for row, (_, each) in enumerate(shown) if each["is_worse"] is is_worse]
        if rows:
            values = [shown[row][1]["accuracy"] for row in rows]
            ends = [shown[row][1]["intervals"]["accuracy"] for row in rows]
            lengths = [
                [max(value - low, 0) for value, (low, _) in zip(values, ends, strict=True)],
                [
                    max(high - value, 0)
                    for value, (_, high) in zip(values, ends, strict=True)
                ],
            ]
            axis.errorbar(values, rows, xerr=lengths, capsize=2, ms=5, **mark)
    overall = float((test.predicted == test.labels).mean())
    axis.axvline(overall, color="#555555", linestyle="--", linewidth=1, label="all images")
    names = [_label(name, each) for name, each in shown]
    axis.set_yticks(range(len(shown)), names, fontsize=8, parse_math=False)
    axis.invert_yaxis()
    axis.set_xlabel("accuracy, with 95% intervals")
    axis.grid(alpha=0.3, axis="x")
    figure.legend(loc="outside upper center", ncols=3, fontsize=8)
    return figure


def _label(column: str, each: Mapping[str, Any]) -> str:
    value = "no value" if each["value"] is None else each["value"]
    text = printable(f"{column}: {value}")
    text = text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
    return f"{text} ({each['images']:,})"
