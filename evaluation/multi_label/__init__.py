"""Multi-label classification: scores, and a threshold for each label."""

from .scores import multi_label_scores
from .thresholds import best_f1_thresholds

__all__ = ["best_f1_thresholds", "multi_label_scores"]
