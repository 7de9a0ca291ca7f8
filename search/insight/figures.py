"""Draws the figure of a search: scores, importances and dependences."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..study import Trial
from .coordinates import draw_coordinates
from .importance import CERTAIN
from .insight import Insight
from .table import Floats, Parameter, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 3
MOST_PANELS = 12
_POINT, _LINE, _NOTE = "tab:blue", "tab:orange", "0.4"
_WIDTH, _HEIGHT = 4.2, 3.0  # of a panel, in inches
_MAX_LETTERS = 28  # of categories side by side
_CAPTION = (
    "points: trials, with their standard errors over folds; "
    "orange: prediction of a forest, averaged over the other settings"
)


def search_figure(insight: Insight) -> "Figure":
    """Draws scores over time, importances, each parameter, and parallel coordinates."""
    from matplotlib.figure import Figure

    chosen = [each.parameter for each in insight.importances.parameters][:MOST_PANELS]
    rows = -(-len(chosen) // COLUMNS)
    figure = Figure(
        figsize=(_WIDTH * COLUMNS, _HEIGHT * (rows + 2.4)), layout="constrained"
    )
    figure.suptitle(_CAPTION, fontsize="medium", color=_NOTE)
    heights = [1.1, *[1.0] * rows, 1.3]
    grid = figure.add_gridspec(len(heights), 2 * COLUMNS, height_ratios=heights)
    _draw_time(figure.add_subplot(grid[0, :COLUMNS]), insight)
    _draw_importance(figure.add_subplot(grid[0, COLUMNS:]), insight)
    for place, parameter in enumerate(chosen):
        row, column = divmod(place, COLUMNS)
        cell = grid[row + 1, 2 * column : 2 * column + 2]
        axis = figure.add_subplot(cell)
        _draw_parameter(axis, parameter, insight)
        if column == 0:
            axis.set_ylabel(insight.study.objective.name, parse_math=False)
    draw_coordinates(figure.add_subplot(grid[-1, :]), chosen, insight)
    return figure


def _draw_time(axis: "Axes", insight: Insight) -> None:
    objective, trials = insight.study.objective, insight.table.trials
    numbers = [trial.number for trial in trials]
    best: list[float] = []
    for trial, score in zip(trials, insight.table.scores, strict=True):
        last = best[-1] if best else None
        wins = trial.is_whole and objective.is_better(score, last)
        best.append(score if wins else np.nan if last is None else last)
    _points(axis, numbers, trials, insight.table.scores)
    axis.step(numbers, best, where="post", color=_LINE, label="best so far")
    axis.set_xlabel("trial")
    axis.set_ylabel(objective.name, parse_math=False)
    _show_whole_numbers(axis)
    axis.legend()


def _draw_importance(axis: "Axes", insight: Insight) -> None:
    found = insight.importances
    if found.reason:
        axis.axis("off")
        note = f"importance: not estimated, because\n{found.reason}"
        axis.text(0.5, 0.5, note, ha="center", va="center", wrap=True, color=_NOTE)
        return
    shown = list(reversed(found.parameters[:MOST_PANELS]))
    for place, each in enumerate(shown):
        color = _POINT if each.is_clear else "0.75"
        error = CERTAIN * (each.standard_error or 0.0)
        axis.barh(place, each.mean or 0.0, 0.4, xerr=error, color=color, ecolor="0.2")
        axis.annotate(
            each.parameter.name,
            (0.01, place + 0.25),
            xycoords=axis.get_yaxis_transform(),
            fontsize="small",
            parse_math=False,
        )
    axis.set_ylim(-0.5, len(shown) - 0.2)
    axis.set_yticks([])
    axis.axvline(0.0, color="0.2", lw=0.8)
    axis.set_xlabel("importance: drop in R2 when shuffled, 90% interval")
    part = f"{100 * (found.explained or 0.0):.0f}%"
    title = f"a forest explains {part} of the variance of held-out scores; gray: unclear"
    axis.set_title(title, fontsize="medium")


def _draw_parameter(axis: "Axes", parameter: Parameter, insight: Insight) -> None:
    table = insight.table
    column = list(table.parameters).index(parameter)
    active = table.active(column)
    trials = [
        trial for trial, is_active in zip(table.trials, active, strict=True) if is_active
    ]
    rows = table.rows[active, column]
    places = rows if parameter.is_category else [parameter.decode(each) for each in rows]
    dependence = insight.dependence(parameter.name)
    if dependence is not None:
        values = dependence.values
        at = (
            [parameter.encode(each) for each in values] if parameter.is_category else values
        )
        curve = axis.plot(at, dependence.scores, color=_LINE, lw=2, zorder=3)[0]
        if parameter.is_category:
            curve.set(ls="none", marker="_", ms=26, mew=2)
    _points(axis, places, trials, table.scores[active])
    if parameter.is_category:
        names = [label(value) for value in parameter.values]
        axis.set_xticks(range(len(names)), names, parse_math=False, fontsize="small")
        if len("".join(names)) > _MAX_LETTERS:
            axis.tick_params("x", rotation=15)
        axis.margins(x=0.2)
    elif parameter.is_logarithmic:
        axis.set_xscale("log")
    elif all(isinstance(value, int) for value in parameter.values):
        _show_whole_numbers(axis)
    axis.set_xlabel(parameter.name, parse_math=False)


def _points(
    axis: "Axes", places: Sequence[float] | Floats, trials: Sequence[Trial], scores: Floats
) -> None:
    """Draws trials as points, with error bars if they have several folds."""
    errors = [trial.standard_error or np.nan for trial in trials]
    bars = None if np.all(np.isnan(errors)) else errors
    axis.errorbar(
        places, scores, bars, fmt="o", ms=4, alpha=0.7, color=_POINT, elinewidth=0.8
    )


def _show_whole_numbers(axis: "Axes") -> None:
    from matplotlib.ticker import MaxNLocator

    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
