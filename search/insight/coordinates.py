"""Draws parallel coordinates: a line through the values of each trial, colored by score."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .insight import Insight
from .table import INACTIVE, Floats, Parameter, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BELOW = -0.12  # height of a line at a parameter that did not vary
_MAX_LEVEL = 7  # axes whose names fit side by side
_MAX_NAMED = 8  # labeled values on the axis of a category


def draw_coordinates(
    axis: "Axes", parameters: Sequence[Parameter], insight: Insight
) -> None:
    """Draws the trials, best on top.

    Args:
        axis: The axis to draw on.
        parameters: One axis each, in this order; the score is added last.
        insight: The trials.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    scores, name = insight.table.scores, insight.study.objective.name
    heights = np.stack(
        [*(_heights(each, insight) for each in parameters), _unit(scores)], 1
    )
    is_min = insight.study.objective.mode == "min"
    scale = Normalize(scores.min(), scores.max())
    colors = ScalarMappable(scale, "viridis_r" if is_min else "viridis")
    for trial in np.argsort(-scores if is_min else scores):
        axis.plot(heights[trial], color=colors.to_rgba(scores[trial]), lw=1.3, alpha=0.8)
    for place, parameter in enumerate(parameters):
        axis.axvline(place, color="0.3", lw=0.8)
        _name_values(axis, place, parameter, bool((heights[:, place] < 0).any()))
    axis.axvline(len(parameters), color="0.3", lw=0.8)
    names = [*(each.name.replace(".", ".\n") for each in parameters), name]
    axis.set_xticks(range(len(names)), names, parse_math=False, fontsize="small")
    if len(parameters) > _MAX_LEVEL:
        axis.tick_params("x", rotation=20)
    axis.set_yticks([])
    axis.set_xlim(-0.3, len(parameters) + 0.1)
    axis.figure.colorbar(colors, ax=axis, pad=0.01).set_label(name, parse_math=False)


def _heights(parameter: Parameter, insight: Insight) -> Floats:
    column = list(insight.table.parameters).index(parameter)
    rows = insight.table.rows[:, column]
    last = max(len(parameter.values) - 1, 1) if parameter.is_category else 1
    return np.where(rows == INACTIVE, _BELOW, rows / last)


def _unit(scores: Floats) -> Floats:
    spread = np.ptp(scores) or 1.0
    return np.asarray((scores - scores.min()) / spread)


def _name_values(axis: "Axes", place: int, parameter: Parameter, has_gaps: bool) -> None:
    ends = [parameter.values[0], parameter.values[-1]]
    named = parameter.values if parameter.is_category else ends
    last = max(len(named) - 1, 1)
    step = -(-len(named) // _MAX_NAMED)
    texts = {at / last: label(value) for at, value in enumerate(named) if at % step == 0}
    texts |= {_BELOW: "not varied"} if has_gaps else {}
    for height, text in texts.items():
        axis.text(
            place - 0.02,
            height,
            text,
            fontsize="x-small",
            ha="right",
            va="center",
            parse_math=False,
            bbox={"facecolor": "white", "alpha": 0.7, "lw": 0, "pad": 1},
        )
