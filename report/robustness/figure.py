"""Draws scores over the strengths of corruptions."""

import numpy as np
from matplotlib.figure import Figure

from .corruptions import CORRUPTIONS, STRENGTHS
from .scores import CLEAN, NAMES, Scores

# From the colorblind-safe palette of Okabe and Ito.
_COLORS = dict(zip(NAMES, ("#0072B2", "#D55E00"), strict=True))
_MARKERS = dict(zip(NAMES, "os", strict=True))
_SHIFTS = dict(zip(NAMES, (-0.06, 0.06), strict=True))


def robustness_figure(scores: Scores) -> Figure:
    """Draws accuracy and balanced accuracy over strengths, with one panel per kind."""
    figure = Figure(figsize=(7.2, 4.8), layout="constrained")
    axes = figure.subplots(2, 3, sharex=True, sharey=True).ravel()
    for axis, kind in zip(axes, CORRUPTIONS, strict=False):
        chosen = [scores[CLEAN], *(scores[kind, each] for each in STRENGTHS)]
        for shift, name in ((-0.06, "accuracy"), (0.06, "balanced_accuracy")):
            values = np.array([own[name].value for own in chosen])
            ends = np.array([own[name].interval for own in chosen]).T
            errors = np.maximum([values - ends[0], ends[1] - values], 0)
            axis.errorbar(
                np.arange(4) + shift,
                values,
                errors,
                color=_COLORS[name],
                marker=_MARKERS[name],
                ms=4,
                capsize=3,
                label=name.replace("_", " "),
            )
        axis.set_title(kind, fontsize=10)
        axis.set_xticks(range(4), ["none", "1", "2", "3"])
        axis.set_ylim(0, 1.02)
        axis.grid(alpha=0.3)
    for axis in axes[2:5]:
        axis.set_xlabel("strength")
        axis.tick_params(labelbottom=True)
    axes[5].axis("off")
    axes[5].legend(*axes[0].get_legend_handles_labels(), loc="center", title="95% interval")
    return figure
