"""Heads of classifiers, which map pooled features to probabilities."""

from .contract import Head
from .registry import build_head
from .training_features import TrainingFeatures

__all__ = ["Head", "TrainingFeatures", "build_head"]
