"""Evaluation of predictions: functions of labels, probabilities and names.

It is independent of models and training. Names are resolved on first use, so that
predictions load neither Matplotlib nor scikit-learn.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .comparisons.matching import NamedPredictions as NamedPredictions
    from .comparisons.paired import compare_paired as compare_paired
    from .figures import Drawing as Drawing
    from .figures import augmentation_kinds_figure as augmentation_kinds_figure
    from .figures import augmented_figure as augmented_figure
    from .figures import confusion_matrix_figure as confusion_matrix_figure
    from .figures import image_grid as image_grid
    from .figures import mistakes_figure as mistakes_figure
    from .figures import samples_figure as samples_figure
    from .figures import save_figure as save_figure
    from .figures import to_pixels as to_pixels
    from .folds import summarize_folds as summarize_folds
    from .predictions import Predictions as Predictions
    from .predictions import write_predictions as write_predictions
    from .report import draw_mistakes as draw_mistakes
    from .report import write_report as write_report
    from .scores import classification_scores as classification_scores
    from .statistics.intervals import bootstrap_intervals as bootstrap_intervals

_HOMES = {
    "Drawing": "figures",
    "NamedPredictions": "comparisons.matching",
    "Predictions": "predictions",
    "augmentation_kinds_figure": "figures",
    "augmented_figure": "figures",
    "bootstrap_intervals": "statistics.intervals",
    "classification_scores": "scores",
    "compare_paired": "comparisons.paired",
    "confusion_matrix_figure": "figures",
    "curves_figure": "learning_curves",
    "draw_mistakes": "report",
    "image_grid": "figures",
    "mistakes_figure": "figures",
    "samples_figure": "figures",
    "save_figure": "figures",
    "summarize_folds": "folds",
    "to_pixels": "figures",
    "write_predictions": "predictions",
    "write_report": "report",
}

__all__ = [*sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
