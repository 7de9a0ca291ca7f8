"""What a model is worth: functions of labels, probabilities and names.

Knows nothing of models or training.
"""

from .pictures import (
    confusion_matrix_picture,
    curves_picture,
    mistakes_picture,
    picture_grid,
    save_picture,
)
from .report import Predictions, write_predictions, write_report
from .scores import classification_scores

__all__ = [
    "Predictions",
    "classification_scores",
    "confusion_matrix_picture",
    "curves_picture",
    "mistakes_picture",
    "picture_grid",
    "save_picture",
    "write_predictions",
    "write_report",
]
