"""Figures of a search: score against each parameter, and from trial to trial."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...callbacks.monitor import Monitor
from ...core.run_layout import SCORE_BY_PARAMETER_IMAGE, SCORE_OVER_TIME_IMAGE
from ..report import parameter_names
from ..study import Study, Trial
from ..tuning.space import is_logarithmic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 3


def draw_results(directory: Path, study: Study) -> None:
    """Draws score against each parameter, and score over time."""
    from ...evaluation import save_figure  # loads Matplotlib

    scored = study.ranking()
    if not scored:
        return
    figures = {
        SCORE_BY_PARAMETER_IMAGE: _by_parameter(scored, study),
        SCORE_OVER_TIME_IMAGE: _over_time(scored, study.objective),
    }
    for name, figure in figures.items():
        save_figure(figure, directory / name)


def _by_parameter(scored: Sequence[Trial], study: Study) -> "Figure":
    from matplotlib.figure import Figure

    names = parameter_names(study)
    rows = max(-(-len(names) // COLUMNS), 1)
    figure = Figure(figsize=(4 * COLUMNS, 3.2 * rows), layout="constrained")
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axis in axes[len(names) :]:
        axis.axis("off")
    for axis, name in zip(axes, names, strict=False):
        _draw_parameter(axis, name, scored, study)
    return figure


def _draw_parameter(axis: "Axes", name: str, scored: Sequence[Trial], study: Study) -> None:
    shown = [trial for trial in scored if name in trial.values]
    values = [trial.values[name] for trial in shown]
    is_number = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    # A dollar would begin a formula.
    ticks = values if is_number else [str(value).replace("$", r"\$") for value in values]
    axis.scatter(ticks, [trial.score or 0.0 for trial in shown], s=18)
    if is_logarithmic(study.oracle.hyperparameters, name):
        axis.set_xscale("log")
    axis.set_xlabel(name, parse_math=False)
    axis.set_ylabel(study.objective.name, parse_math=False)


def _over_time(scored: Sequence[Trial], objective: Monitor) -> "Figure":
    from matplotlib.figure import Figure

    in_order = sorted(scored, key=lambda trial: trial.number)
    best: list[float] = []
    for trial in in_order:
        better = objective.is_better(trial.score or 0.0, best[-1] if best else None)
        best.append((trial.score or 0.0) if better else best[-1])
    numbers = [trial.number for trial in in_order]
    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    axis.scatter(numbers, [trial.score or 0.0 for trial in in_order], s=18, label="trial")
    axis.step(numbers, best, where="post", label="best so far")
    axis.set_xlabel("trial")
    axis.set_ylabel(objective.name, parse_math=False)
    axis.legend()
    return figure
