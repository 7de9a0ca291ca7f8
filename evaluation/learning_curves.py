"""Draws learning curves: the metrics of a fit over its epochs."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..core.run_layout import METRICS_FILE

MOST_PANELS = 18  # further metrics are not drawn
NOT_DRAWN = frozenset(
    {"images_per_second", "examples_per_second", "data_wait_seconds", "seconds"}
)
_HEALTH = "health/"


def curves_figure(
    history: Mapping[str, Sequence[float]],
    epochs: Sequence[int] | None = None,
    exported_epoch: int | None = None,
) -> Figure:
    """Draws each metric over the epochs, training and validation in one panel.

    Args:
        history: Values per epoch by name, NaN if missing; `val_loss` is drawn with `loss`.
            Speed, `health/...`, a constant learning rate, and metrics beyond the first 18
            are not drawn.
        epochs: The number of each epoch; 1, 2, ... by default.
        exported_epoch: Epoch to mark in each panel.
    """
    names = dict.fromkeys(name.removeprefix("val_") for name in history)
    drawable = [name for name in names if _is_drawn(name, history)]
    shown = drawable[:MOST_PANELS]
    columns = max(min(len(shown), 3), 1)
    rows = max(-(-len(shown) // 3), 1)
    left = len(drawable) - len(shown)
    figure = Figure(figsize=(4.2 * columns, 3.2 * rows + (0.3 if left else 0)))
    for place, name in enumerate(shown):
        axis: Any = _panel(figure, 4.2 * (place % 3), 3.2 * (rows - place // 3 - 1))
        for key, label in ((name, "training"), (f"val_{name}", "validation")):
            numbers, values = _measured(history.get(key, ()), epochs)
            if values:
                axis.plot(numbers, values, marker="o", ms=3, label=label)
        if exported_epoch is not None:
            label = f"exported: epoch {exported_epoch}"
            axis.axvline(exported_epoch, color="0.4", linestyle=":", label=label)
        axis.set_title(name.replace("_", " "), y=1.02, parse_math=False)
        axis.set_xlabel("epoch")
        axis.xaxis.set_label_coords(0.5, -0.12)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
        axis.legend()
    if left:
        title = f"{left:,} more metrics are in {METRICS_FILE}"
        figure.suptitle(title, fontsize=10, y=1 - 0.1 / figure.get_figheight(), va="top")
    return figure


def _is_drawn(name: str, history: Mapping[str, Sequence[float]]) -> bool:
    """Returns whether a metric describes the training, and has a finite value."""
    if name in NOT_DRAWN or name.startswith(_HEALTH):
        return False
    values = [*history.get(name, ()), *history.get(f"val_{name}", ())]
    finite = {value for value in values if math.isfinite(value)}
    return len(finite) > 1 if name == "learning_rate" else bool(finite)


def _measured(
    values: Sequence[float], epochs: Sequence[int] | None
) -> tuple[list[int], list[float]]:
    """Returns the epochs with a finite value, and these values."""
    numbers = range(1, len(values) + 1) if epochs is None else epochs
    pairs = [pair for pair in zip(numbers, values, strict=False) if math.isfinite(pair[1])]
    return [number for number, _ in pairs], [value for _, value in pairs]


def _panel(figure: Figure, left: float, bottom: float) -> Axes:
    """Adds a panel with fixed room for its labels, because measuring them is slow.

    Args:
        figure: The figure.
        left: Left edge in inches.
        bottom: Bottom edge in inches.
    """
    width, height = figure.get_size_inches()
    place = ((left + 0.67) / width, (bottom + 0.54) / height, 3.36 / width, 2.3 / height)
    return figure.add_axes(place)
