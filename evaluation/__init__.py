"""What a model is worth: functions of labels, probabilities and names.

Knows nothing of models or training.
"""

from .drawing import Drawing
from .figures import (
    augmented_picture,
    confusion_matrix_picture,
    curves_picture,
    mistakes_picture,
    picture_grid,
    samples_picture,
    save_picture,
)
from .folds import summarize_folds
from .intervals import bootstrap_intervals
from .report import Predictions, draw_mistakes, write_predictions, write_report
from .scores import classification_scores

__all__ = [
    "Drawing",
    "Predictions",
    "augmented_picture",
    "bootstrap_intervals",
    "classification_scores",
    "confusion_matrix_picture",
    "curves_picture",
    "draw_mistakes",
    "mistakes_picture",
    "picture_grid",
    "samples_picture",
    "save_picture",
    "summarize_folds",
    "write_predictions",
    "write_report",
]
